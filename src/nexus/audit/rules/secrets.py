"""Passwords that everybody knows, and secrets where everybody can read them. Values are shown masked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from nexus.audit.finding import Hit, Severity, hit
from nexus.audit.inlined import inlined, rewritten
from nexus.audit.masking import (
    is_placeholder,
    is_weak,
    masked,
    names_secret,
    secret_of,
)
from nexus.audit.registry import rule
from nexus.audit.rules.exposure import open_to_the_world
from nexus.audit.service import AuditedService
from nexus.audit.subject import Deployment, Subject
from nexus.composefile import Value

_COMMANDS = ("command", "entrypoint", "healthcheck")
_PUBLIC = re.compile(r"--user[= ](health|healthcheck|ping|probe) --pass(?:word)?[= ]\1(?=\s|$)")
"""An account for the health check alone whose password is its own name: it is meant to be known."""

_FALLBACK = re.compile(r"\$\{(\w+):?-([^}]*)\}")


@dataclass(frozen=True)
class _Written:
    """A secret in a Compose file: the variable or key that holds it, the text around it, and its place."""

    deployment: Deployment
    service: AuditedService
    name: str
    text: str
    secret: str
    place: tuple[Path, int]

    @property
    def right(self) -> str:
        """The text as it should be written: the secret replaced by a variable that must be set."""
        if self.text == self.secret:
            return f"${{{self.name}:?}}"
        own = self.service.name if self.name in _COMMANDS else re.sub(r"_(URL|URI|DSN)$", "", self.name)
        same = (
            other
            for service in self.deployment.services
            for other, each in service.compose.environment.items()
            if each.text == self.secret and names_secret(other)
        )
        variable = next(same, re.sub(r"\W", "_", own).upper() + "_PASSWORD")
        return rewritten(self.text, self.secret, f"${{{variable}:?}}")


def _written(subject: Subject) -> Iterator[_Written]:
    """Yield the secrets that stand in the files themselves, not those that come from variables."""
    for deployment, service, name, value in _in_environments(subject):
        text = (value.raw or value.text or "") if value.text and not value.from_env_file else ""
        secret = secret_of(name, text)
        if secret and "$" not in secret:
            yield _Written(deployment, service, name, text, secret, service.at(value.at))
    for deployment in subject.deployments:
        for service in deployment.services:
            for key, words in _commands(service):
                text = " ".join(" ".join(words).split())
                secret = inlined(text)
                if key == "healthcheck" and _PUBLIC.search(text):
                    continue
                if secret and not _filled_in(deployment, f"services.{service.name}.{key}", secret):
                    yield _Written(deployment, service, key, text, secret, service.place(key))


def _commands(service: AuditedService) -> Iterator[tuple[str, tuple[str, ...]]]:
    check = service.compose.healthcheck
    texts = (service.compose.command, service.compose.entrypoint, check.test[1:] if check else ())
    for key, words in zip(_COMMANDS, texts, strict=True):
        yield key, words or ()


def _filled_in(deployment: Deployment, field: str, secret: str) -> bool:
    """Tell whether a variable put a secret into a field."""
    return any(
        value and (value in secret or secret in value)
        for each in deployment.project.variables
        if each.field == field or each.field.startswith(f"{field}.")
        for value in (each.value, each.default)
    )


def _in_environments(subject: Subject) -> Iterator[tuple[Deployment, AuditedService, str, Value]]:
    for deployment in subject.deployments:
        for service in deployment.services:
            for name, value in service.compose.environment.items():
                yield deployment, service, name, value


@rule(
    "default-password",
    Severity.HIGH,
    title=("A password that everybody tries first", "Uma senha que todos tentam primeiro"),
    why=(
        "the password in {name} of {service} is a default that every attacker tries first (lines: {lines})",
        "a senha em {name} de {service} é um padrão que todo atacante tenta primeiro (linhas: {lines})",
    ),
    mend=(
        "write `{name}: {right}` and set it in a .env that git ignores (`openssl rand -base64 24`)",
        "escreva `{name}: {right}` e defina em um .env que o git ignora (`openssl rand -base64 24`)",
    ),
)
def default_password(subject: Subject) -> Iterator[Hit]:
    yield from _grouped(_default_passwords(subject))


def _default_passwords(subject: Subject) -> Iterator[tuple[Hit, str]]:
    for each in _written(subject):
        if is_weak(each.secret):
            severity = Severity.LOW
            if each.deployment.production:
                open_store = each.service.is_store and open_to_the_world(each.service)
                severity = Severity.CRITICAL if open_store else Severity.HIGH
            service = each.service.name
            yield hit(*each.place, severity, name=each.name, service=service, right=each.right), each.secret


def _grouped(found: Iterator[tuple[Hit, str]]) -> Iterator[Hit]:
    """One hit for a secret and a file, the worst, naming all lines: one cause, one finding."""
    groups: dict[tuple[Path, str], list[Hit]] = {}
    for each, secret in found:
        groups.setdefault((each.file, secret), []).append(each)
    for hits in groups.values():
        worst = max(hits, key=lambda each: (each.severity or Severity.HIGH, -each.line))
        lines = ", ".join(str(line) for line in sorted({each.line for each in hits}))
        yield replace(worst, values={**worst.values, "lines": lines})


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
        "{name} of {service} ({masked}) is readable by all who can read the repository, forever (lines: {lines})",
        "{name} de {service} ({masked}) pode ser lido por todos que leem o repositório, para sempre (linhas: {lines})",
    ),
    mend=(
        "change the secret, then write `{name}: {right}` and keep the value out of git",
        "troque o segredo, depois escreva `{name}: {right}` e deixe o valor fora do git",
    ),
)
def secret_in_compose(subject: Subject) -> Iterator[Hit]:
    yield from _grouped(_secrets_in_compose(subject))


def _secrets_in_compose(subject: Subject) -> Iterator[tuple[Hit, str]]:
    for each in _written(subject):
        if is_weak(each.secret) or is_placeholder(each.secret) or len(each.secret) < 6:
            continue
        severity = None if each.deployment.production else Severity.LOW
        found = hit(
            *each.place, severity, name=each.name, service=each.service.name, masked=masked(each.secret),
            right=each.right,
        )  # fmt: skip
        yield found, each.secret
