"""What a lost database costs: PostgreSQL killed, its data directory deleted, restored, compared with what
clients were told.
"""

from __future__ import annotations

import asyncio
import random
import shutil
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

from recovering.figures import told
from recovering.subject import STACK

from nexus.control.drilling.load import Load, Write, present
from nexus.postgres import programs
from nexus.recovery.backups.create import create_backup
from nexus.recovery.backups.source import Source
from nexus.recovery.restoring.choose import choose
from nexus.recovery.restoring.restore import restore
from nexus.recovery.restoring.target import Target
from nexus.recovery.streaming.tests.streamed import Streamed, streamed
from nexus.runtimes.process import accounts
from nexus.stack import load_stack

ANEW = 10  # rounds after which a full backup is taken, so that not all of history is replayed


@dataclass(frozen=True)
class Loss:
    """Of one round: writes that were acknowledged, those of them that are missing, how old the oldest of
    these was when the server was killed, and how long the restore took (both in seconds).
    """

    acknowledged: int
    missing: int
    seconds: float
    restored: float


def measure_losses(rounds: int, rate: float) -> None:
    """Prints all of it, for commits that wait for the archive and for those that do not."""
    for synchronous in ("require", "off"):
        print(f"{rounds} times SIGKILL and the data directory deleted, {rate:g} orders/s, {synchronous=}")
        found = asyncio.run(_rounds(rounds, synchronous))
        missing, worst = sum(each.missing for each in found), max(each.seconds for each in found)
        told("orders acknowledged", f"{sum(each.acknowledged for each in found):,}")
        if synchronous == "require":
            told("… missing after the restore", f"{missing}", "0", missing == 0)
        else:
            told("… missing after the restore", f"{missing}")
            told("… the oldest of them, before the kill", f"{worst:.3f} s", "1 s", worst <= 1.0)
        told("restored after, median", f"{statistics.median(each.restored for each in found):.1f} s")


async def _rounds(rounds: int, synchronous: str) -> list[Loss]:
    found: list[Loss] = []
    with streamed(fsync=True, synchronous=synchronous) as stream:
        (stream.root / "nexus.yaml").write_text(STACK)
        for setting in ("wal_level = logical", "summarize_wal = on", "track_commit_timestamp = on"):
            with open(stream.server.data / "postgresql.conf", "a") as file:
                file.write(setting + "\n")
        stream.server.stop()
        stream.server.start()
        written: list[Write] = []
        for number in range(rounds):
            loss = await _round(stream, number, synchronous, written)
            found.append(loss)
            if loss.missing:
                print(
                    f"    round {number}: {loss.missing} missing, the oldest {loss.seconds:.3f} s", flush=True
                )
    return found


async def _round(stream: Streamed, number: int, synchronous: str, written: list[Write]) -> Loss:
    """Orders on the database that the round before restored; it is lost and restored again. `written`: what
    is there of earlier rounds; grows by what was acknowledged and is there.
    """
    stream.start()
    await stream.until(
        lambda status: status.state == "streaming" and (synchronous == "off" or status.commits_wait)
    )
    if number % ANEW == 0:
        await create_backup(
            Source(load_stack(stream.root), stream.home, stream.server.admin_dsn, artefacts=False),
            stream.repository(),
            "full",
        )
    load = Load(stream.server.admin_dsn, _next=max((each.id for each in written), default=0) + 1000)
    await load.start()
    await load.more(20)
    await asyncio.sleep(random.uniform(0.0, 2.0))
    stream.server.kill()
    at = time.time()
    shutil.rmtree(stream.server.data)
    await load.stop()
    began = time.monotonic()
    await asyncio.to_thread(stream.stop)  # it seals what it has received
    await _restored(stream)
    took = time.monotonic() - began
    there = await present(stream.server.admin_dsn)
    acknowledged = [each for each in load.writes if each.acknowledged <= at]
    missing = [each for each in (*written, *load.writes) if each.id not in there]
    written += [each for each in load.writes if each.id in there]
    oldest = max((at - each.acknowledged for each in missing), default=0.0)
    return Loss(len(acknowledged), len(missing), oldest, took)


async def _restored(stream: Streamed) -> None:
    """What the archive leads to is the server's data directory again, and the server serves."""
    repository = stream.repository()
    choice = await choose(repository, Target("latest"))
    room = Path(stream.root, "restored")
    room.mkdir(exist_ok=True)
    room.chmod(0o711)
    await restore(choice, repository, room / "data")
    shutil.move(room / "data", stream.server.data)
    accounts.give_tree(stream.server.data, programs.postgres_account())
    await asyncio.to_thread(stream.server.start)
