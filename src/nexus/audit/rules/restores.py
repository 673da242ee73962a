"""Restores that hurt, or that cannot work."""

from __future__ import annotations

import re
from collections.abc import Iterator

from nexus.audit import roles
from nexus.audit.commands import Ran
from nexus.audit.finding import Hit, Severity, hit
from nexus.audit.registry import rule
from nexus.audit.subject import Subject

_NEWEST = re.compile(r"(\bls\s+[^|]*-\w*t\w*[^|]*|\bsort\b[^|]*)\|\s*(head|tail)\s+(-n\s*)?-?1\b")
_SUFFIX = r"\.(sql\.gz|sql|dump|backup|bak|pgdump|tar)\b"
_CUSTOM = re.compile(r"\s(-F\s?c|-Fc|--format[= ](c|custom|d|directory|t|tar)|-F\s?[dt])\b")


def _outputs(subject: Subject) -> dict[str, tuple[str, Ran]]:
    """The formats in which this project's pg_dump calls write, by the suffix of their file."""
    found: dict[str, tuple[str, Ran]] = {}
    for ran in subject.commands:
        for command in ran.commands:
            if not re.search(r"\bpg_dump\b", command.text):
                continue
            kind = "custom" if _CUSTOM.search(command.text) else "plain"
            for suffix in re.findall(_SUFFIX, subject.filled(ran)) or ["*"]:
                found[suffix] = (kind, ran)
    return found


@rule(
    "restore-wrong-format",
    Severity.CRITICAL,
    title=("The restore cannot read the backup", "A restauração não consegue ler o backup"),
    why=(
        "{dump} writes a {kind} dump, and `{tool}` here cannot read one: every restore will fail",
        "{dump} grava um dump {kind}, e `{tool}` aqui não o lê: toda restauração vai falhar",
    ),
    mend=(
        "dump with `pg_dump -Fc -f FILE.dump` and restore with `pg_restore --clean --if-exists -d DB FILE.dump`",
        "gere com `pg_dump -Fc -f ARQUIVO.dump` e restaure com `pg_restore --clean --if-exists -d DB ARQUIVO.dump`",
    ),
)
def restore_wrong_format(subject: Subject) -> Iterator[Hit]:
    outputs = _outputs(subject)
    kinds = {kind for kind, _ in outputs.values()}
    for ran in subject.commands:
        for tool, wrong in (("pg_restore", "plain"), ("psql", "custom")):
            if not any(re.search(rf"\b{tool}\b", command.text) for command in ran.commands):
                continue
            reads_file = tool == "pg_restore" or re.search(
                r"\bpsql\b[^|]*(<\s*\S|\s-f\s)|(cat|zcat|gunzip)\b.*\|", ran.text
            )
            suffixes = re.findall(_SUFFIX, subject.filled(ran))
            named = [outputs[suffix] for suffix in suffixes if suffix in outputs]
            if not reads_file or (suffixes and not named):
                continue
            if not named and (
                kinds != {wrong}
                or not (
                    roles.is_restore(ran.file) or roles.is_backup(ran.file) or roles.is_rollback(ran.file)
                )
            ):
                continue
            kind, dumped = named[0] if named else next(iter(outputs.values()))
            if kind == wrong:
                yield hit(ran.file, ran.line, dump=f"{dumped.file}:{dumped.line}", kind=kind, tool=tool)


@rule(
    "restore-picks-latest",
    Severity.HIGH,
    title=("A restore takes whatever backup is newest", "A restauração usa o backup mais novo que houver"),
    why=(
        "`{command}` picks the newest file, which may be the broken one, or one made after the fault",
        "`{command}` pega o arquivo mais novo, que pode ser o quebrado, ou um feito depois da falha",
    ),
    mend=(
        'let the operator name it: `BACKUP=${{1:?"which backup? see: ls backups/"}}`, and check it before use',
        'exija o nome do operador: `BACKUP=${{1:?"qual backup? veja: ls backups/"}}`, e verifique-o antes de usar',
    ),
)
def restore_picks_latest(subject: Subject) -> Iterator[Hit]:
    for path in subject.files.scripts:
        if not (roles.is_rollback(path) or roles.is_restore(path)):
            continue
        for ran in subject.script(path):
            found = _NEWEST.search(ran.text)
            if found and re.search(r"backup|dump|bkp|\.sql|\.gz|BACKUP", ran.text):
                yield hit(path, ran.line, command=found.group(0).replace("`", "'"))


@rule(
    "restore-beside-writers",
    Severity.HIGH,
    title=("A restore while the application writes", "Uma restauração enquanto a aplicação grava"),
    why=(
        "{script} restores the database without stopping the services that write to it: data is mixed or lost",
        "{script} restaura o banco sem parar os serviços que gravam nele: dados se misturam ou se perdem",
    ),
    mend=(
        "stop them first, `docker compose stop api worker`, restore, then `docker compose up -d`",
        "pare-os antes, `docker compose stop api worker`, restaure, e depois `docker compose up -d`",
    ),
)
def restore_beside_writers(subject: Subject) -> Iterator[Hit]:
    restores = re.compile(
        r"\bpg_restore\b(?!.*(-l|--list)\b)|\bpsql\b[^|]*<\s*\S|\|\s*.*\bpsql\b|\bmysql\b[^|]*<\s*\S|\bmongorestore\b"
    )
    stops = re.compile(
        r"\b(stop|down|pause|scale|pg_terminate_backend|maintenance|--force|FORCE|kill|createdb|CREATE DATABASE)\b"
    )
    starts = re.compile(r"\b(up|start|restart)\b(?!.*\b(db|database|postgres\w*|mysql|mariadb|mongo)\b)")
    for path in subject.files.scripts:
        if not (roles.is_rollback(path) or roles.is_restore(path)) or roles.for_development(path):
            continue
        for ran in subject.script(path):
            if restores.search(ran.text):
                before = [each.text for each in subject.script(path) if each.line <= ran.line]
                stopped = False
                for text in before:
                    stopped = bool(stops.search(text)) or (stopped and not starts.search(text))
                if not stopped:
                    yield hit(path, ran.line, script=path.name)
                break
