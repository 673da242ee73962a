"""Proof of what was restored, before anybody uses it: the server starts on it, and the books are right."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from nexus.business import CheckError, Invariant, check_invariants
from nexus.control.restoring.instant import asked_as_of
from nexus.control.restoring.passwords import passwords, set_passwords
from nexus.control.secrets import DATABASE
from nexus.postgres.cluster import OVERRIDES, Cluster
from nexus.postgres.errors import ServerFailed
from nexus.recovery.errors import RecoveryFailed
from nexus.recovery.restoring.alone import set_password, superuser
from nexus.runtimes.process import accounts
from nexus.runtimes.protocol import StartError
from nexus.runtimes.site import Site
from nexus.stack import Service

CONNECT = 10.0
SETTINGS = ("postgresql.conf", "pg_hba.conf", OVERRIDES)  # a server apart has its own


@dataclass(frozen=True)
class Proof:
    """What the invariants say of restored data. `broken`: those that do not hold; `why`: each in words."""

    asked: int
    broken: tuple[str, ...] = ()
    why: tuple[str, ...] = ()


async def prove(
    data: Path, site: Site, server: Service, invariants: Sequence[Invariant], at: float | None
) -> Proof:
    """Starts a server of its own on the folder, asks the invariants as if it were `at` (seconds since the
    epoch), gives all roles the passwords that the secret files hold, and shuts it down. The folder is then
    ready for the living server.

    Raises:
        StartError: PostgreSQL does not start on it.
    """
    cluster = Cluster(data, data.with_name(f"{data.name}.server"))
    settings = {name: (data / name).read_text() for name in SETTINGS if (data / name).exists()}
    try:
        cluster.furnish()
        cluster.superuser = await superuser(cluster.programs, data)
        await set_password(cluster.programs, data, cluster.superuser, cluster.password)
        await cluster.start()
        try:
            proof = await _asked(cluster.url(DATABASE), invariants, at)
            connection = await asyncpg.connect(cluster.url("postgres"), timeout=CONNECT)
            try:
                await set_passwords(
                    connection, passwords(site, server)
                )  # last: the superuser's is among them
            finally:
                await connection.close(timeout=CONNECT)
        finally:
            await cluster.stop()
    except (ServerFailed, RecoveryFailed, OSError, asyncpg.PostgresError) as error:
        raise StartError(f"what was restored cannot be used: {error}") from error
    for name in SETTINGS:
        (data / name).unlink(missing_ok=True)
    for name, text in settings.items():
        accounts.private_file(data / name, text, cluster.account)
    shutil.rmtree(cluster.folder, ignore_errors=True)
    return proof


async def _asked(url: str, invariants: Sequence[Invariant], at: float | None) -> Proof:
    if not invariants:
        return Proof(0)
    try:
        async with asked_as_of(url, at) as then:
            results = [each async for each in check_invariants(then, invariants)]
    except CheckError as error:
        raise StartError(f"the invariants cannot be asked of what was restored: {error}") from error
    bad = [each for each in results if not each.ok]
    why = tuple(f"{each.name}: {each.error or f'{each.rows} rows'}" for each in bad)
    return Proof(len(results), tuple(each.name for each in bad), why)
