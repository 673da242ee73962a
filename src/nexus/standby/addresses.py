"""The servers' addresses: the superuser's, moved from one port to another."""

from __future__ import annotations

from urllib.parse import quote, urlsplit, urlunsplit

MAINTENANCE = "postgres"  # the database that every server has


def at(url: str, port: int, database: str | None = None) -> str:
    """The address of the same role on another port, and in another database where one is named. Pure."""
    parts = urlsplit(url)
    login = parts.netloc.rpartition("@")[0]
    path = parts.path if database is None else f"/{quote(database)}"
    return urlunsplit(parts._replace(netloc=f"{login}@{parts.hostname}:{port}", path=path))


def port_of(url: str) -> int:
    """The port that an address names."""
    return urlsplit(url).port or 5432
