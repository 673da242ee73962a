"""The environment of a service -> plain values, and secrets by name only."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from nexus.adoption.databases import OwnSchema
from nexus.adoption.naming import identifier
from nexus.adoption.needs import Needs
from nexus.adoption.notes import Findings
from nexus.adoption.roles import Role
from nexus.adoption.survey import Survey
from nexus.composefile import ComposeService, Grant, Value

_KEY = re.compile(r"[A-Z][A-Z0-9_]*")
GIVEN = frozenset({"PORT", "HOST"})  # Nexus sets these itself
_LISTENING = frozenset({"", "0.0.0.0", "127.0.0.1", "::", "[::]", "::1", "localhost", "*"})
RESERVED = frozenset(
    "database_url redis_url database_password client_secret service_clients bootstrap password acl"
    " admin_url".split()
)


@dataclass(frozen=True)
class Environment:
    """What a manifest says: plain values, and the names of secrets."""

    env: Mapping[str, str]
    secrets: tuple[str, ...]


def environment(
    service: ComposeService,
    survey: Survey,
    role: Mapping[str, Role],
    own: OwnSchema | None,
    needed: Needs,
    findings: Findings,
) -> Environment:
    """Return the environment of a service. No secret value is part of it."""
    name = survey.names[service.name]
    env: dict[str, str] = {}
    secrets: dict[str, None] = {}
    grants = {grant.target or f"/run/secrets/{grant.source}": grant for grant in service.secrets}
    for key, value in service.environment.items():
        if key in GIVEN:
            _listens(service, key, value, survey, findings)
        elif (granted := grants.pop(value.text or "", None)) is not None:
            _granted(name, key, granted, secrets, findings)
        elif (given := _given(key, own, needed, survey, role)) is not None:
            findings.because(
                name, "secrets", "{key} is given by Nexus in {given}", value.at, key=key, given=given
            )
        elif survey.secrets.in_value(key, value):
            _secret(name, key, value, secrets, findings)
        elif value.text is None:
            findings.unknown(
                name,
                "{key} takes its value from whoever starts Compose, and nothing sets it here",
                "write it under env if the service needs it",
                value.at,
                key=key,
            )
        elif not _KEY.fullmatch(key):
            findings.unknown(
                name,
                "{key} is no name that a manifest allows under env",
                "rename it to capital letters, digits and underscores",
                value.at,
                key=key,
            )
        else:
            env[key] = value.text
    for grant in grants.values():
        secrets[_free(identifier(grant.source))] = None
        _tell(name, grant.source, grant.target, _free(identifier(grant.source)), grant, findings)
    return Environment(env, tuple(secrets))


def _listens(service: ComposeService, key: str, value: Value, survey: Survey, findings: Findings) -> None:
    """Record a HOST or PORT that is not where the service itself listens: Nexus will overwrite it."""
    text = value.text or ""
    own = {str(port.target) for port in service.ports} | set(service.expose)
    if text in (_LISTENING if key == "HOST" else own | {""}) or (key == "PORT" and not own):
        return
    target = survey.hosts.get(text, service.name) if key == "HOST" else service.name
    if target != service.name:
        findings.unknown(
            survey.names[service.name],
            "{key} names {target}, but Nexus sets {key} itself, to where the service listens",
            "let it read the name of {target} from another variable, and write that under env",
            value.at,
            key=key,
            target=survey.names[target],
        )
    else:
        findings.unknown(
            survey.names[service.name],
            "{key} says something else than where it listens, but Nexus sets {key} itself",
            "let it read that from another variable, and write it under env",
            value.at,
            key=key,
        )


def _given(
    key: str, own: OwnSchema | None, needed: Needs, survey: Survey, role: Mapping[str, Role]
) -> str | None:
    """Return the variable in which Nexus itself gives what `key` held, if it does."""
    if own is not None and key == own.variable:
        return "DATABASE_URL_FILE"
    caches = {target for target in needed.hard if role[target].runtime == "valkey"}
    if key == "REDIS_URL" and caches:
        return "REDIS_URL_FILE"
    return None


def _granted(name: str, key: str, grant: Grant, secrets: dict[str, None], findings: Findings) -> None:
    secret = _free(identifier(key.removesuffix("_FILE")))
    secrets[secret] = None
    _tell(name, grant.source, grant.target, secret, grant, findings)


def _tell(name: str, source: str, target: str, secret: str, grant: Grant, findings: Findings) -> None:
    findings.unknown(
        name,
        "reads the secret {source}; its value was not copied",
        "provide it as {secret}; the file's path will be in {variable}",
        grant.at,
        source=source,
        target=target,
        secret=secret,
        variable=f"{secret.upper()}_FILE",
    )


def _secret(name: str, key: str, value: Value, secrets: dict[str, None], findings: Findings) -> None:
    secret = _free(identifier(key))
    secrets[secret] = None
    findings.unknown(
        name,
        "{key} is a secret; its value was not copied",
        "provide it as {secret}, and read it from the file named in {variable}",
        value.at,
        key=key,
        secret=secret,
        variable=f"{secret.upper()}_FILE",
    )


def _free(secret: str) -> str:
    """Return a name for a secret that Nexus gives no meaning of its own."""
    return f"app_{secret}" if secret in RESERVED else secret
