"""Roles of a restored cluster have the passwords of its time: they get those that the secret files hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from nexus.control.secrets import CHECK_PASSWORD, CHECKER, DATABASE_PASSWORD, role
from nexus.migrations.quoting import identifier, literal
from nexus.runtimes.process.drivers.postgres import PASSWORD, SUPERUSER
from nexus.runtimes.site import Site, needed
from nexus.stack import Service

if TYPE_CHECKING:
    import asyncpg

    Connection = asyncpg.Connection[asyncpg.Record]


def passwords(site: Site, server: Service) -> dict[str, str]:
    """Role → password, of all that log in to a database server, as far as there are secrets of theirs."""
    files = {SUPERUSER: site.secret(server, PASSWORD), CHECKER: site.secret(server, CHECK_PASSWORD)}
    for service in site.stack.services:
        if service.database and needed(site.stack, service, "postgres") == server:
            files[role(service)] = site.secret(service, DATABASE_PASSWORD)
    return {name: file.read_text().strip() for name, file in files.items() if file.exists()}


async def set_passwords(connection: Connection, wanted: Mapping[str, str]) -> tuple[str, ...]:
    """Gives those of the roles that exist their passwords; returns the others, which are made when their
    module starts. Statements with passwords are not logged.
    """
    await connection.execute("SET log_statement = 'none'")
    await connection.execute("SET log_min_duration_statement = -1")
    await connection.execute("SET log_min_error_statement = 'panic'")
    there = {row[0] for row in await connection.fetch("SELECT rolname FROM pg_roles WHERE rolcanlogin")}
    for name in sorted(there & wanted.keys()):
        await connection.execute(f"ALTER ROLE {identifier(name)} PASSWORD {literal(wanted[name])}")
    return tuple(sorted(wanted.keys() - there))
