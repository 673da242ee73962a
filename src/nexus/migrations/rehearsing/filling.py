"""How a scratch server gets the data of the living one: its files, or a dump of them.

A way that restores a backup has the same face: `describe`, `bytes` and `fill`.
"""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import unquote, urlsplit

import asyncpg

from nexus.migrations.quoting import identifier, literal
from nexus.migrations.rehearsing.errors import RehearsalFailed
from nexus.migrations.rehearsing.living import LivingServer
from nexus.postgres import programs
from nexus.postgres.cluster import Cluster
from nexus.runtimes.process import accounts

MAX_RATE = "100M"  # a second; a disk that the living server shares has some left for it
AT_ONCE = 64 << 20  # bytes
JOBS = max(1, min(4, os.cpu_count() or 1))


class Filling(Protocol):
    """One way to fill a cluster."""

    @property
    def bytes(self) -> int:
        """How large the copy will be, as far as it is known."""

    def describe(self) -> str:
        """Which way it is, in a few words."""

    async def fill(self, cluster: Cluster) -> None:
        """Fills a furnished cluster and leaves it running, its superuser with the cluster's password.

        Raises:
            RehearsalFailed: it cannot be filled so.
        """


@dataclass(frozen=True)
class BaseBackup:
    """The files of the whole server as they are, over a replication connection (pg_basebackup).

    `max_rate`: as pg_basebackup takes it, such as 50M a second ("" = as fast as it goes).
    """

    server: LivingServer
    max_rate: str = ""

    @property
    def bytes(self) -> int:
        return self.server.cluster

    @property
    def checkpoint(self) -> str:
        """At once where it has little to write; else spread, so that users do not feel it (manual, 28.5)."""
        return "spread" if self.server.unwritten > AT_ONCE else "fast"

    def describe(self) -> str:
        return "physical copy (pg_basebackup)" + (f" at {self.max_rate}/s" if self.max_rate else "")

    async def fill(self, cluster: Cluster) -> None:
        passwords = programs.password_file(cluster.folder, self.server.url, cluster.account)
        await cluster.programs.run(
            "pg_basebackup",
            *programs.connection(self.server.url),
            *("-D", str(cluster.data), "--format=plain", "--wal-method=stream"),
            f"--checkpoint={self.checkpoint}",
            *("--no-sync", "--no-manifest"),
            *((f"--max-rate={self.max_rate}",) if self.max_rate else ()),
            passwords=passwords,
        )
        passwords.unlink()
        parts = urlsplit(self.server.url)
        cluster.superuser = programs.user(parts)
        own = unquote(parts.password or "")
        await cluster.start(own)
        await _set_password(cluster, own)


@dataclass(frozen=True)
class Dump:
    """What the database holds, taken out and put in again (pg_dump, pg_restore): any runtime, any machine."""

    server: LivingServer
    jobs: int = JOBS

    @property
    def bytes(self) -> int:
        return self.server.bytes

    def describe(self) -> str:
        return "logical copy (pg_dump, pg_restore)"

    async def fill(self, cluster: Cluster) -> None:
        cluster.superuser = programs.user(urlsplit(self.server.url))
        await cluster.initialise()
        await cluster.start()
        passwords = programs.password_file(cluster.folder, self.server.url, cluster.account)
        own = programs.password_file(cluster.folder, cluster.url("postgres"), cluster.account)
        there, name = programs.connection(self.server.url), programs.database(self.server.url)
        run = cluster.programs.run
        roles = await run("pg_dumpall", *there, "-l", name, "--roles-only", passwords=passwords)
        here = programs.connection(cluster.url("postgres"))
        script = _without(roles, cluster.superuser)
        psql = ("-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", "postgres")
        await run("psql", *here, *psql, passwords=own, feed=script.encode())
        folder = accounts.private_folder(cluster.folder / "dumped", cluster.account) / "dump"
        try:
            await run(
                "pg_dump",
                *there,
                *("-d", name, "-F", "directory", "-f", str(folder), "-j", str(self.jobs), "-Z", "gzip:1"),
                *("--no-publications", "--no-subscriptions", "--no-tablespaces", "--statistics", "--no-sync"),
                passwords=passwords,
            )
            given = () if name == "postgres" else ("--create",)
            await run(
                "pg_restore",
                *here,
                *("-d", "postgres", "-j", str(self.jobs), "--exit-on-error", *given, str(folder)),
                passwords=own,
            )
        finally:
            shutil.rmtree(folder.parent, ignore_errors=True)
            passwords.unlink()
            own.unlink()


def fillings(server: LivingServer, max_rate: str = MAX_RATE) -> tuple[Filling, ...]:
    """The ways to copy a server, the best first."""
    dump = Dump(server)
    return (dump,) if server.why_not_physical else (BaseBackup(server, max_rate), dump)


def _without(script: str, superuser: str) -> str:
    """A dump of roles without our own superuser, who is there already and keeps his password."""
    own = re.compile(rf'^(CREATE|ALTER) ROLE "?{re.escape(superuser)}"?[ ;]')
    psql = re.compile(r"^\\(un)?restrict ")
    return "".join(
        line for line in script.splitlines(keepends=True) if not own.match(line) and not psql.match(line)
    )


async def _set_password(cluster: Cluster, former: str) -> None:
    """The living server's superuser cannot log in to the copy with what he knows."""
    try:
        connection = await asyncpg.connect(cluster.url("postgres", former), timeout=10)
        try:
            role, password = identifier(cluster.superuser), literal(cluster.password)
            await connection.execute(f"ALTER ROLE {role} PASSWORD {password}")
        finally:
            await connection.close()
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        raise RehearsalFailed(f"the scratch server went away: {error}") from error
