"""Addresses inside values: URLs and `host:port`, the services they name, the passwords they hold."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote

from nexus.composefile import Project

_URL = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?:(?P<user>[^@/\s:]*)(?::(?P<password>[^@\s]*))?@)?"
    r"(?P<host>\[[0-9a-fA-F:]+\]|[A-Za-z0-9_][A-Za-z0-9._-]*)(?::(?P<port>\d{1,5}))?(?P<rest>/[^\s,;'\"]*|\?[^\s,;'\"]*)?",
    re.IGNORECASE,
)
_PAIR = re.compile(r"(?<![\w./:@-])(?P<host>[A-Za-z_][A-Za-z0-9._-]*):(?P<port>\d{1,5})(?![\w.])")
_HOST_KEY = re.compile(r"(HOST|HOSTNAME|SERVER|ADDR|ADDRESS|SERVICE|BROKER|UPSTREAM|ENDPOINT|DB_HOST)S?$")
POSTGRES = frozenset({"postgres", "postgresql", "postgis"})
DATABASE_SCHEMES = POSTGRES | {"mysql", "mariadb", "mongodb", "mongodb+srv"}


@dataclass(frozen=True)
class Address:
    """One address found in a value."""

    host: str
    port: int | None = None
    scheme: str = ""
    password: str = ""
    path: str = ""

    @property
    def parameters(self) -> dict[str, str]:
        """What stands after the question mark."""
        return dict(parse_qsl(self.path.partition("?")[2]))


def addresses_in(text: str, key: str = "") -> tuple[Address, ...]:
    """Return every address in a value. `key` is the variable's name: `DB_HOST: db` is an address, too."""
    found = [
        Address(
            match["host"],
            int(match["port"]) if match["port"] else None,
            match["scheme"].lower(),
            unquote(match["password"] or ""),
            match["rest"] or "",
        )
        for match in _URL.finditer(text)
    ]
    rest = _URL.sub(" ", text)
    found += [Address(match["host"], int(match["port"])) for match in _PAIR.finditer(rest)]
    if _HOST_KEY.search(key.upper()) and re.fullmatch(r"[A-Za-z_][A-Za-z0-9._-]*", text):
        found.append(Address(text))
    return tuple(found)


def hosts_of(project: Project) -> Mapping[str, str]:
    """Return the service behind each host name that containers of this project can use."""
    found: dict[str, str] = {}
    for name, service in project.services.items():
        others = (service.container_name, service.hostname)
        aliases = (alias for each in service.networks.values() for alias in each.aliases)
        for host in (*others, *aliases):
            if host:
                found.setdefault(host, name)
        for link in service.links:
            target, _, alias = link.partition(":")
            found.setdefault(alias or target, target)
    return {**found, **{name: name for name in project.services}}
