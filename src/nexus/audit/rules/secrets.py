"""Passwords that everybody knows, and secrets where everybody can read them. Values are shown masked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from nexus.audit.finding import Hit, Severity, hit
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

_FALLBACK = re.compile(r"\$\{(\w+):?-([^}]*)\}")


def _written(value: Value) -> str:
    """Return a secret that stands in the file itself; empty when it comes from a variable."""
    return value.text or "" if value.text and "$" not in value.raw and not value.from_env_file else ""


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
    for deployment, service, name, value in _in_environments(subject):
        secret = secret_of(name, _written(value))
        if secret and is_weak(secret):
            severity = Severity.LOW
            if deployment.production:
                severity = (
                    Severity.CRITICAL if service.is_store and open_to_the_world(service) else Severity.HIGH
                )
            found = hit(
                *service.at(value.at), severity, name=name, service=service.name,
                right=_reference(deployment, name, value.text or "", secret),
            )  # fmt: skip
            yield found, secret


def _grouped(found: Iterator[tuple[Hit, str]]) -> Iterator[Hit]:
    """One hit for a secret and a file, the worst, naming all lines: one cause, one finding."""
    groups: dict[tuple[Path, str], list[Hit]] = {}
    for each, secret in found:
        groups.setdefault((each.file, secret), []).append(each)
    for hits in groups.values():
        worst = max(hits, key=lambda each: (each.severity or Severity.HIGH, -each.line))
        lines = ", ".join(str(line) for line in sorted({each.line for each in hits}))
        yield replace(worst, values={**worst.values, "lines": lines})


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
    for deployment, service, name, value in _in_environments(subject):
        secret = secret_of(name, _written(value))
        if not secret or is_weak(secret) or is_placeholder(secret) or len(secret) < 6:
            continue
        severity = None if deployment.production else Severity.LOW
        found = hit(
            *service.at(value.at), severity, name=name, service=service.name, masked=masked(secret),
            right=_reference(deployment, name, value.text or "", secret),
        )  # fmt: skip
        yield found, secret
