"""Passwords that everybody knows, and secrets where everybody can read them. Values are shown masked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from nexus.audit import roles
from nexus.audit.finding import Hit, Severity, hit
from nexus.audit.masking import (
    PREFIXES,
    is_placeholder,
    is_weak,
    looks_random,
    masked,
    names_secret,
)
from nexus.audit.registry import rule
from nexus.audit.rules.exposure import open_to_the_world
from nexus.audit.service import AuditedService, env_pairs
from nexus.audit.subject import Deployment, Subject
from nexus.composefile import Value

_FALLBACK = re.compile(r"\$\{(\w+):?-([^}]*)\}")
_IN_URL = re.compile(r"://([^:/@\s]+):([^@/\s$]+)@")
_SPEAKING = frozenset(["echo", "printf", "log", "info", "warn", "error", "print_info"])
_SCANNED = frozenset(
    ".env .yml .yaml .json .toml .ini .cfg .conf .sh .bash .properties .tf .tfvars .pem .key .py .js .ts .go .rb .php"
    " .java .kt .cs .xml .sql .npmrc".split()
)


def _written(value: Value) -> str:
    """Return a secret that stands in the file itself; empty when it comes from a variable."""
    return value.text or "" if value.text and "$" not in value.raw and not value.from_env_file else ""


def _in_environments(subject: Subject) -> Iterator[tuple[Deployment, AuditedService, str, Value]]:
    for deployment in subject.deployments:
        for service in deployment.services:
            for name, value in service.compose.environment.items():
                yield deployment, service, name, value


def _secret_of(name: str, value: str) -> str:
    """Return the secret part of a variable: all of it, or the password inside a URL."""
    if match := _IN_URL.search(value):
        return match.group(2)
    return value if names_secret(name) and "://" not in value else ""


@rule(
    "default-password",
    Severity.HIGH,
    title=("A password that everybody tries first", "Uma senha que todos tentam primeiro"),
    why=(
        "the password in {name} of {service} is a default that every attacker tries first",
        "a senha em {name} de {service} é um padrão que todo atacante tenta primeiro",
    ),
    mend=(
        "write `{name}: {right}` and set it in a .env that git ignores (`openssl rand -base64 24`)",
        "escreva `{name}: {right}` e defina em um .env que o git ignora (`openssl rand -base64 24`)",
    ),
)
def default_password(subject: Subject) -> Iterator[Hit]:
    for deployment, service, name, value in _in_environments(subject):
        secret = _secret_of(name, _written(value))
        if secret and is_weak(secret):
            severity = Severity.LOW
            if deployment.production:
                severity = (
                    Severity.CRITICAL if service.is_store and open_to_the_world(service) else Severity.HIGH
                )
            yield hit(
                *service.at(value.at), severity, name=name, service=service.name,
                right=_reference(deployment, name, value.text or "", secret),
            )  # fmt: skip


def _reference(deployment: Deployment, name: str, value: str, secret: str) -> str:
    """Return the value as it should be written: the secret replaced by a variable that must be set."""
    if value == secret:
        return f"${{{name}:?}}"
    same = (
        other
        for service in deployment.services
        for other, each in service.compose.environment.items()
        if each.text == secret and names_secret(other)
    )
    variable = next(same, re.sub(r"_(URL|URI|DSN)$", "", name) + "_PASSWORD")
    return value.replace(f":{secret}@", f":${{{variable}:?}}@", 1)


@rule(
    "password-fallback",
    Severity.MEDIUM,
    title=(
        "A default password is used when none is set",
        "Uma senha padrão é usada quando nenhuma é definida",
    ),
    why=(
        "when {variable} is not set, {service} silently starts with a password that stands in the file",
        "quando {variable} não é definida, {service} inicia em silêncio com uma senha que está no arquivo",
    ),
    mend=(
        "write `${{{variable}:?}}`: the start fails with a clear message instead",
        "escreva `${{{variable}:?}}`: a partida falha com uma mensagem clara",
    ),
)
def password_fallback(subject: Subject) -> Iterator[Hit]:
    for deployment, service, name, value in _in_environments(subject):
        for variable, default in (
            _FALLBACK.findall(value.raw) if deployment.production and not value.from_env_file else ()
        ):
            secret = names_secret(variable) or (names_secret(name) and value.raw.strip().startswith("${"))
            if secret and default and "$" not in default and not default.startswith(("/", "?")):
                yield hit(*service.at(value.at), service=service.name, variable=variable)


@rule(
    "secret-in-compose",
    Severity.HIGH,
    title=("A secret stands in a Compose file", "Um segredo está em um arquivo do Compose"),
    why=(
        "{name} of {service} ({masked}) is readable by all who can read the repository, forever",
        "{name} de {service} ({masked}) pode ser lido por todos que leem o repositório, para sempre",
    ),
    mend=(
        "change the secret, then write `{name}: {right}` and keep the value out of git",
        "troque o segredo, depois escreva `{name}: {right}` e deixe o valor fora do git",
    ),
)
def secret_in_compose(subject: Subject) -> Iterator[Hit]:
    for deployment, service, name, value in _in_environments(subject):
        secret = _secret_of(name, _written(value))
        if not secret or is_weak(secret) or is_placeholder(secret) or len(secret) < 6:
            continue
        severity = None if deployment.production else Severity.LOW
        yield hit(
            *service.at(value.at), severity, name=name, service=service.name, masked=masked(secret),
            right=_reference(deployment, name, value.text or "", secret),
        )  # fmt: skip


@rule(
    "env-file-committed",
    Severity.HIGH,
    title=("A .env with secrets is part of the repository", "Um .env com segredos faz parte do repositório"),
    why=(
        "{path} holds {names} and git does not ignore it",
        "{path} contém {names} e o git não o ignora",
    ),
    mend=(
        "`git rm --cached {path}`, add `{path}` to .gitignore, change these secrets, commit a {path}.example",
        "`git rm --cached {path}`, acrescente `{path}` ao .gitignore, troque os segredos, versione um {path}.example",
    ),
)
def env_file_committed(subject: Subject) -> Iterator[Hit]:
    for path in subject.files.env:
        if not subject.git.keeps(path):
            continue
        found: list[tuple[int, str]] = []
        for number, line in enumerate(subject.files.lines(path), 1):
            name, equals, value = line.strip().removeprefix("export ").partition("=")
            secret = (
                _secret_of(name.strip(), value.strip().strip("\"'"))
                if equals and not line.startswith("#")
                else ""
            )
            if secret and not is_placeholder(secret) and len(secret) > 3:
                found.append((number, name.strip()))
        if found:
            names = ", ".join(name for _, name in found[:3]) + (" ..." if len(found) > 3 else "")
            guessed = subject.git.tracked is None and not subject.files.named(".gitignore")
            severity = Severity.MEDIUM if guessed else None  # perhaps no repository at all
            severity = Severity.LOW if roles.for_development(path) else severity
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
                    secret = _secret_of(name, value.strip("\"'"))
                    if secret and not is_placeholder(secret) and len(secret) > 3 and "$" not in secret:
                        if _only_for_the_build(value):
                            continue
                        yield hit(dockerfile.path, each.line, name=name, masked=masked(secret))


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
            secret = _secret_of(name, value)
            if secret and not is_placeholder(secret) and len(secret) > 3:
                yield hit(ran.file, ran.line, name=name, masked=masked(secret))
                break
        else:
            match = re.search(r"://\w+:([^@/\s$\"'{<]{4,})@(?!example)", text)
            if match and not is_placeholder(match.group(1)):
                yield hit(ran.file, ran.line, name="PGPASSWORD", masked=masked(match.group(1)))


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
