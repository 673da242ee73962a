"""Secrets where they should not be: in git, in images, in scripts. Values are shown masked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from nexus.audit import roles
from nexus.audit.finding import Hit, Severity, hit
from nexus.audit.inlined import inlined
from nexus.audit.masking import PREFIXES, is_placeholder, looks_random, masked, secret_of
from nexus.audit.registry import rule
from nexus.audit.service import env_pairs
from nexus.audit.subject import Subject

_SPEAKING = frozenset(["echo", "printf", "log", "info", "warn", "error", "print_info"])
_SCANNED = frozenset(
    ".env .yml .yaml .json .toml .ini .cfg .conf .sh .bash .properties .tf .tfvars .pem .key .py .js .ts .go .rb .php"
    " .java .kt .cs .xml .sql .npmrc".split()
)


@rule(
    "env-file-committed",
    Severity.HIGH,
    title=("A .env with secrets that git does not ignore", "Um .env com segredos que o git não ignora"),
    why=(
        "{path} holds {names}, and no .gitignore keeps it out of the repository",
        "{path} contém {names}, e nenhum .gitignore o mantém fora do repositório",
    ),
    mend=(
        "`git rm --cached {path}`, add `{path}` to .gitignore, change these secrets, commit a {path}.example",
        "`git rm --cached {path}`, acrescente `{path}` ao .gitignore, troque os segredos, versione um {path}.example",
    ),
)
def env_file_committed(subject: Subject) -> Iterator[Hit]:
    if subject.git.repository is None and not subject.files.named(".gitignore"):
        return  # on a server, a .env beside the Compose file is where secrets belong
    for path in subject.files.env:
        if not subject.git.keeps(path):
            continue
        found: list[tuple[int, str]] = []
        for number, line in enumerate(subject.files.lines(path), 1):
            name, equals, value = line.strip().removeprefix("export ").partition("=")
            secret = (
                secret_of(name.strip(), value.strip().strip("\"'"))
                if equals and not line.startswith("#")
                else ""
            )
            if secret and not is_placeholder(secret) and len(secret) > 3:
                found.append((number, name.strip()))
        if found:
            names = ", ".join(name for _, name in found[:3]) + (" ..." if len(found) > 3 else "")
            severity = Severity.LOW if roles.for_development(path) else None
            yield hit(path, found[0][0], severity, path=path, names=names)


@rule(
    "secret-in-image",
    Severity.HIGH,
    title=("A secret is baked into an image", "Um segredo fica gravado na imagem"),
    why=(
        "{name} ({masked}) stays in the image's layers: `docker history` shows it to whoever gets the image",
        "{name} ({masked}) fica nas camadas da imagem: `docker history` o mostra a quem tiver a imagem",
    ),
    mend=(
        "remove it; give it at run time as an environment variable or a file, at build time with `RUN --mount=type=secret`",
        "remova; passe em tempo de execução como variável ou arquivo, e no build com `RUN --mount=type=secret`",
    ),
)
def secret_in_image(subject: Subject) -> Iterator[Hit]:
    for dockerfile in subject.dockerfiles.values():
        if roles.for_development(dockerfile.path):
            continue
        final = dockerfile.stages[-1:] and dockerfile.lineage(dockerfile.stages[-1])
        for stage in final or ():
            for each in stage.all("ENV", "ARG"):
                for name, value in env_pairs(each.value).items() if each.value else ():
                    secret = secret_of(name, value.strip("\"'"))
                    if secret and not is_placeholder(secret) and len(secret) > 3 and "$" not in secret:
                        if _only_for_the_build(value):
                            continue
                        yield hit(dockerfile.path, each.line, name=name, masked=masked(secret))
            for each in stage.all("CMD", "ENTRYPOINT"):
                secret = inlined(each.shell)
                if secret and not is_placeholder(secret) and len(secret) > 3:
                    yield hit(dockerfile.path, each.line, name=each.name, masked=masked(secret))


def _only_for_the_build(value: str) -> bool:
    """Values that builds need and nobody uses: their text says so, or they point nowhere."""
    return bool(
        re.search(r"build|dummy|fake|placeholder|unused|localhost|127\.0\.0\.1|temp", value, re.IGNORECASE)
    )


@rule(
    "secret-in-script",
    Severity.HIGH,
    title=("A password stands in a script", "Uma senha está em um script"),
    why=(
        "{name} ({masked}) is readable by all who can read the repository",
        "{name} ({masked}) pode ser lida por todos que leem o repositório",
    ),
    mend=(
        "read it from a file or the environment: `{name}=$(cat /run/secrets/db_password)`",
        "leia de um arquivo ou do ambiente: `{name}=$(cat /run/secrets/db_password)`",
    ),
)
def secret_in_script(subject: Subject) -> Iterator[Hit]:
    assigned = re.compile(r"(?:^|[\s;])(?:export\s+|-e\s+)?(\w+)=([\"']?)([^\s\"'$`;|&()]+)\2(?=\s|;|$)")
    for ran in subject.commands:
        if (
            ran.origin not in {"script", "ci", "make"}
            or roles.for_development(ran.file)
            or ran.origin == "ci"
        ):
            continue
        text = " ; ".join(command.text for command in ran.commands if command.program not in _SPEAKING)
        for name, _, value in assigned.findall(text):
            secret = secret_of(name, value)
            if secret and not is_placeholder(secret) and len(secret) > 3:
                yield hit(ran.file, ran.line, name=name, masked=masked(secret))
                break
        else:
            match = re.search(r"://\w+:([^@/\s$\"'{<]{4,})@(?!example)", text)
            if match and not is_placeholder(match.group(1)):
                yield hit(ran.file, ran.line, name="PGPASSWORD", masked=masked(match.group(1)))
            elif (secret := inlined(text)) and not is_placeholder(secret) and len(secret) > 3:
                yield hit(ran.file, ran.line, name="PASSWORD", masked=masked(secret))


@rule(
    "token-committed",
    Severity.CRITICAL,
    title=("A live key or token is in the project", "Uma chave ou token real está no projeto"),
    why=(
        "a {kind} ({masked}) stands here: everybody with the repository, or one of its copies, can use it",
        "há aqui um {kind} ({masked}): qualquer um com o repositório, ou uma cópia, pode usá-lo",
    ),
    mend=(
        "revoke it at its issuer now, then read the new one from the environment; removing the line is not enough",
        "revogue no emissor agora e leia o novo do ambiente; remover a linha não basta",
    ),
)
def token_committed(subject: Subject) -> Iterator[Hit]:
    for path in subject.files.paths:
        if (
            not _is_scanned(path)
            or roles.for_development(path)
            or ".test." in path.name
            or "spec" in path.name
        ):
            continue
        if subject.git.tracked is not None and not subject.git.keeps(path):
            continue
        text = subject.files.text(path)
        for kind, pattern in PREFIXES:
            for match in pattern.finditer(text):
                found = match.group(0)
                if re.search(r"EXAMPLE|xxxx|0000000|1234567", found, re.IGNORECASE):
                    continue
                if kind == "private key" and not re.match(
                    r"(\\n|\s)+[A-Za-z0-9+/=]{40}", text[match.end() :]
                ):
                    continue
                if kind != "private key" and not looks_random(found):
                    continue
                shown = "-----BEGIN ..." if kind == "private key" else masked(found)
                yield hit(path, text.count("\n", 0, match.start()) + 1, kind=kind, masked=shown)
                break


def _is_scanned(path: Path) -> bool:
    return path.suffix in _SCANNED or path.name.startswith((".env", ".npmrc", "Dockerfile", "id_rsa"))
