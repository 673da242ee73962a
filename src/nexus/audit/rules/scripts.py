"""Shell scripts: failures nobody sees, and commands that destroy more than they should."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from nexus.audit import roles
from nexus.audit.commands import Ran, short
from nexus.audit.finding import Hit, Severity, hit
from nexus.audit.registry import rule
from nexus.audit.subject import Subject

MATTERS = re.compile(
    r"\b(prisma (migrate|db|generate)|migrate|alembic upgrade|flyway|npm (ci|install|run build|test)|yarn (install|build)"
    r"|pnpm (install|i|build|run build)|pip3? install|poetry install|composer install|bundle install|go build|mvn|gradlew?"
    r"|tsc|make|docker[ -]compose .*(up|build|pull)|docker (build|push|pull|stack deploy)|pg_dump(all)?|pg_restore"
    r"|mysqldump|mongodump|psql|kubectl apply|helm upgrade|ansible-playbook|terraform apply|rsync|pytest|jest|vitest)\b"
)
_TOLERATED = re.compile(
    r"\b(stop|rm|down|kill|prune|logout|disconnect|network create|volume create|mkdir|docker login)\b"
)
_HANDLER = re.compile(
    r"clean|trap|on_?(err|exit|fail)|roll_?back|teardown|diagnos|show|print|log", re.IGNORECASE
)
_SET_E = re.compile(r"^\s*set\s+-\w*e|^\s*set\s+-o\s+errexit|^#!.*sh\s+-\w*e", re.MULTILINE)


@rule(
    "script-goes-on",
    Severity.MEDIUM,
    title=("A script goes on after a failed command", "Um script continua depois de um comando que falhou"),
    why=(
        "{script} has no `set -e`: when one of its {count} commands fails, the next ones run all the same",
        "{script} não tem `set -e`: se um de seus {count} comandos falha, os seguintes rodam mesmo assim",
    ),
    mend=(
        "put `set -euo pipefail` below the first line (`set -eu` with sh)",
        "coloque `set -euo pipefail` abaixo da primeira linha (`set -eu` com sh)",
    ),
)
def script_goes_on(subject: Subject) -> Iterator[Hit]:
    for path in subject.files.scripts:
        serious = any(
            is_(path)
            for is_ in (
                roles.is_backup,
                roles.is_restore,
                roles.is_rollback,
                roles.is_deployment,
                roles.is_entrypoint,
            )
        )
        if not serious or roles.for_development(path) or _SET_E.search(subject.files.text(path)):
            continue
        acts = [ran for ran in subject.script(path) if _acts(ran) and not _guarded(ran)]
        if len(acts) >= 2:
            yield hit(path, acts[0].line, script=path.name, count=len(acts))


def _acts(ran: Ran) -> bool:
    if not ran.commands:
        return False
    program = ran.commands[0].program
    known = {
        "docker",
        "docker-compose",
        "npm",
        "npx",
        "yarn",
        "pnpm",
        "git",
        "psql",
        "pg_dump",
        "pg_restore",
        "gunzip",
    }
    more = {
        "cp",
        "mv",
        "tar",
        "rsync",
        "scp",
        "aws",
        "rclone",
        "mysqldump",
        "mongodump",
        "python",
        "python3",
        "kubectl",
    }
    return program in known | more or bool(MATTERS.search(ran.text))


def _guarded(ran: Ran) -> bool:
    return any(command.operator == "||" for command in ran.commands) or ran.text.startswith(("if ", "while "))


@rule(
    "error-swallowed",
    Severity.HIGH,
    title=("A failure is turned into success", "Uma falha vira sucesso"),
    why=(
        "when `{command}` fails, `{swallow}` reports success, so what follows runs on broken ground",
        "quando `{command}` falha, `{swallow}` informa sucesso, e o que vem depois roda sobre algo quebrado",
    ),
    mend=(
        "remove `{swallow}`; if the failure is expected, test for its cause before the command",
        "remova `{swallow}`; se a falha é esperada, verifique a causa antes do comando",
    ),
)
def error_swallowed(subject: Subject) -> Iterator[Hit]:
    for ran in subject.commands:
        if roles.for_development(ran.file) or roles.for_cleaning(ran.file) or _HANDLER.search(ran.name):
            continue
        for before, after in zip(ran.commands, ran.commands[1:], strict=False):
            swallow = _swallows(after.operator, after.text)
            if not swallow or not MATTERS.search(before.text) or _TOLERATED.search(before.text):
                continue
            if re.search(r"--version|command -v|which |--help|SELECT 1|pg_isready", before.text):
                continue
            yield hit(ran.file, ran.line, command=short(before.text), swallow=swallow)


def _swallows(operator: str, text: str) -> str:
    text = text.strip().rstrip(")}").strip()
    if operator == "||" and (re.fullmatch(r"true|:|exit 0", text) or re.match(r"(echo|printf)\b", text)):
        return f"|| {text.split()[0]}" if text != "exit 0" else "|| exit 0"
    if operator == ";" and text in {"exit 0", "true"}:
        return f"; {text}"
    return ""


@rule(
    "volumes-deleted",
    Severity.CRITICAL,
    title=("A script deletes the volumes with the data", "Um script apaga os volumes com os dados"),
    why=(
        "`{command}` removes the volumes: the database is gone with them",
        "`{command}` remove os volumes: o banco de dados vai junto",
    ),
    mend=(
        "use `docker compose down` without -v/--volumes, or `docker compose stop`",
        "use `docker compose down` sem -v/--volumes, ou `docker compose stop`",
    ),
)
def volumes_deleted(subject: Subject) -> Iterator[Hit]:
    for ran in subject.commands:
        if ran.origin in {"build", "ci"} or roles.for_development(ran.file):
            continue
        cleaning = roles.for_cleaning(ran.file) or bool(
            re.search(r"clean|reset|test|dev|nuke|destroy|purge", ran.name)
        )
        for command in ran.commands:
            words = command.words
            if _deletes_volumes(words):
                severity = Severity.LOW if cleaning else None
                yield hit(ran.file, ran.line, severity, command=short(" ".join(words)))


def _deletes_volumes(words: list[str]) -> bool:
    if not words or words[0].rpartition("/")[2] not in {
        "docker",
        "docker-compose",
        "podman",
        "podman-compose",
    }:
        return False
    if "compose" in words[0] or "compose" in words[1:3]:
        return "down" in words and any(
            word in {"-v", "--volumes"} or re.fullmatch(r"-[a-z]*v[a-z]*", word)
            for word in words[words.index("down") :]
        )
    return words[1:3] in (["volume", "rm"], ["volume", "prune"]) or (
        words[1:3] == ["system", "prune"] and "--volumes" in words
    )


@rule(
    "script-missing",
    Severity.HIGH,
    title=("A script that is called does not exist", "Um script chamado não existe"),
    why=(
        "`{called}` is run here, and there is no such file",
        "`{called}` é executado aqui, e o arquivo não existe",
    ),
    mend=(
        "add {called} or correct the path; paths count from the folder the command runs in",
        "crie {called} ou corrija o caminho; os caminhos partem da pasta em que o comando roda",
    ),
)
def script_missing(subject: Subject) -> Iterator[Hit]:
    known = {path.name for path in subject.files.paths}
    for ran in subject.commands:
        if ran.origin in {"build", "start"}:
            continue  # paths inside an image
        for command in ran.commands:
            words = command.words
            program = (
                words[1] if words[:1] in (["bash"], ["sh"], ["source"], ["."]) and len(words) > 1 else ""
            )
            called = program or (words[0] if words else "")
            if not re.fullmatch(r"(\./|\.\./|[\w-]+/)[\w./-]*\.(sh|bash)", called):
                continue
            if called.rpartition("/")[2] in known or _found(subject, ran.file, called):
                continue
            if not subject.git.ignores(Path(called.removeprefix("./"))):
                yield hit(ran.file, ran.line, called=called)


def _found(subject: Subject, caller: Path, called: str) -> bool:
    return subject.files.exists(called) or subject.files.exists(caller.parent / called)
