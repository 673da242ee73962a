"""Proof of what was restored, before anybody uses it: the server starts on it, and the books are right."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from nexus.business import Invariant
from nexus.business.check import CheckError, check_invariants
from nexus.control.restoring.instant import asked_as_of
from nexus.control.restoring.passwords import passwords, set_passwords
from nexus.control.secrets import DATABASE
from nexus.migrations.rehearsing.leftovers import end_server
from nexus.postgres.cluster import OVERRIDES, Cluster
from nexus.postgres.errors import ServerFailed
from nexus.recovery.errors import RecoveryFailed
from nexus.recovery.restoring.restore import WALKABLE
from nexus.recovery.restoring.scratch import serve
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
    beside = _beside(data)
    cluster = Cluster(data, beside / "server")
    beside.mkdir(exist_ok=True)
    beside.chmod(WALKABLE if accounts.can_drop() else 0o700)
    former = await asyncio.to_thread(_former, data, beside)
    try:
        cluster.furnish()
        await serve(cluster)
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
    _give_back(data, former, cluster)
    shutil.rmtree(beside)
    return proof


def end_proof(data: Path) -> None:
    """Ends the server of a proof of `data` that was killed, and removes what it left."""
    if _beside(data).is_dir():
        end_server(_beside(data))
        shutil.rmtree(_beside(data))


def _beside(data: Path) -> Path:
    return data.with_name(f"{data.name}.proof")


def _former(data: Path, beside: Path) -> Mapping[str, str]:
    """The settings that were restored; those of a proof that was killed do not count, and its server ends."""
    kept = beside / "settings.json"
    if kept.exists():
        end_server(beside)
    else:
        there = {name: (data / name).read_text() for name in SETTINGS if (data / name).exists()}
        accounts.private_file(kept, json.dumps(there), None)
    told: dict[str, str] = json.loads(kept.read_text())
    return told


def _give_back(data: Path, settings: Mapping[str, str], cluster: Cluster) -> None:
    for name in SETTINGS:
        (data / name).unlink(missing_ok=True)
    for name, text in settings.items():
        accounts.private_file(data / name, text, cluster.account)


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
