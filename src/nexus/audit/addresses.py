"""Addresses in the environments of services: URLs, and pairs such as DB_HOST and DB_PORT."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote

from nexus.audit.service import AuditedService
from nexus.audit.subject import Deployment
from nexus.composefile import Value

DEFAULT_PORTS = {
    "postgres": 5432, "postgresql": 5432, "mysql": 3306, "redis": 6379, "mongodb": 27017, "amqp": 5672,
    "http": 80, "https": 443,
}  # fmt: skip
SERVER_SIDE = frozenset(
    "postgres postgresql mysql mariadb redis rediss mongodb amqp amqps nats database".split()
)
"""Kinds of addresses that only servers use, never a browser."""

_URL = re.compile(
    r"^(?:jdbc:)?([a-z][a-z0-9+.\-]*)://(?:([^:@/\s]*)(?::([^@/\s]*))?@)?([\w.\-]+)(?::(\d{2,5}))?(?:/([\w\-]+))?"
)
_HOST = re.compile(r"(?:(\w+)_)?HOST(?:NAME)?|(PG)HOST")
_KINDS = (
    (r"POSTGRES|^PG|(^|_)(DB|DATABASE|SQL)\d*$|^DB", "database"),
    (r"REDIS|VALKEY|CACHE", "redis"),
    (r"MYSQL|MARIADB", "mysql"),
    (r"MONGO", "mongodb"),
    (r"RABBIT|AMQP", "amqp"),
)


@dataclass(frozen=True)
class Address:
    """Where a service looks for another. `scheme` is a kind when the address is a pair of host and port."""

    service: AuditedService
    name: str
    value: Value
    scheme: str
    host: str
    port: int | None
    user: str = ""
    password: str = ""
    path: str = ""
    is_url: bool = True


def addresses(deployment: Deployment) -> Iterator[Address]:
    """Yield the addresses in the environments of a deployment's services."""
    for service in deployment.services:
        for name, value in service.compose.environment.items():
            if match := _URL.match(value.text or ""):
                yield _from_url(service, name, value, match)
            elif (match := _HOST.fullmatch(name)) and re.fullmatch(r"[\w.\-]+", value.text or ""):
                yield _from_pair(service, name, value, match[1] or match[2] or "")


def _from_url(service: AuditedService, name: str, value: Value, match: re.Match[str]) -> Address:
    scheme, user, password, host, port, path = match.groups()
    base = scheme.split("+")[0]
    return Address(
        service,
        name,
        value,
        base,
        host,
        int(port) if port else DEFAULT_PORTS.get(base),
        unquote(user or ""),
        unquote(password or ""),
        path or "",
    )


def _from_pair(service: AuditedService, name: str, value: Value, prefix: str) -> Address:
    kind = next((kind for pattern, kind in _KINDS if re.search(pattern, prefix)), "")
    port = service.env("PGPORT" if prefix == "PG" else f"{prefix}_PORT") or ""
    return Address(
        service, name, value, kind, value.text or "", int(port) if port.isdigit() else None, is_url=False
    )
