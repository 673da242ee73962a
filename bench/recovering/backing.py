"""Backups: how fast beside PostgreSQL's own, what they cost users, what an incremental one saves."""

from __future__ import annotations

import asyncio
import os
import re
import statistics
import subprocess
import threading
import time
from collections.abc import Callable

from nexus_kit.testing.servers import PG_BIN
from recovering.figures import rate, told
from recovering.subject import Subject, size

from nexus.postgres import programs
from nexus.recovery.backups.create import create_backup
from nexus.recovery.backups.manifest import BackupManifest

CLIENTS = 8
STEADY = 15  # seconds
_TPS = re.compile(r"^tps = ([\d.]+)", re.MULTILINE)


def measure_backups(of: Subject, rounds: int) -> None:
    """Prints all of it."""
    bytes = size(of.data / "base")
    print(f"backup of {bytes / 1e9:.2f} GB, {os.cpu_count()} cores, {rounds} rounds, medians")
    seconds: dict[str, list[float]] = {}
    ways: dict[str, Callable[[], object]] = {
        "pg_basebackup to /dev/null": lambda: _basebackup_away(of),
        "pg_basebackup -D DIR": lambda: _basebackup(of),
        "cp -r of the data directory, and sync": lambda: _copied(of),
        "Nexus, compressed and encrypted": lambda: _full(of),
    }
    for _ in range(rounds):
        for name, way in ways.items():
            asyncio.run(of.ask("CHECKPOINT"))
            os.sync()
            began = time.monotonic()
            way()
            seconds.setdefault(name, []).append(time.monotonic() - began)
    middle = {name: statistics.median(each) for name, each in seconds.items()}
    ours = middle.pop("Nexus, compressed and encrypted")
    for name, took in middle.items():
        told(name, rate(bytes, took))
    told("Nexus, compressed and encrypted", rate(bytes, ours))
    for name in ("pg_basebackup to /dev/null", "pg_basebackup -D DIR"):
        share = middle[name] / ours
        told(f"… × the speed of {name}", f"{share:.2f}", "0.8", share >= 0.8)
    full = _full(of)
    told("stored", f"{full.size / full.plain:.2f} of {full.plain / 1e9:.2f} GB")
    _incremental(of, full, ours)
    _throughput(of)


def _full(of: Subject) -> BackupManifest:
    return asyncio.run(create_backup(of.source, of.repository, "full"))


def _basebackup_away(of: Subject) -> None:
    command = (str(PG_BIN / "pg_basebackup"), *programs.connection(of.server.admin_dsn))
    options = ("-D", "-", "--format=tar", "--wal-method=fetch", "--checkpoint=fast")
    of.peer(*command, *options, stdout=subprocess.DEVNULL)


def _basebackup(of: Subject) -> None:
    with of.folder("plain") as folder:
        began = (str(PG_BIN / "pg_basebackup"), *programs.connection(of.server.admin_dsn))
        of.peer(*began, "-D", str(folder), "--wal-method=fetch", "--checkpoint=fast")


def _copied(of: Subject) -> None:
    with of.folder("copy") as folder:
        subprocess.run(["cp", "-r", str(of.data), str(folder / "data")], check=True)
        os.sync()


def _incremental(of: Subject, full: BackupManifest, seconds: float) -> None:
    """One hundredth of all orders is changed, those that came last, and as many accounts."""
    last = "(SELECT max({0}) FROM {1})"
    orders, accounts = last.format("id", "orders"), last.format("aid", "pgbench_accounts")
    asyncio.run(of.ask(f"UPDATE orders SET state = 'sent' WHERE id > {orders} / 200 * 199"))
    asyncio.run(of.ask(f"UPDATE pgbench_accounts SET abalance = 1 WHERE aid < {accounts} / 200"))
    asyncio.run(of.ask("CHECKPOINT"))
    began = time.monotonic()
    more = asyncio.run(create_backup(of.source, of.repository, "incremental"))
    took = time.monotonic() - began
    changed = more.plain / full.plain
    told("incremental after a change of", f"{changed:.1%} of all bytes")
    told("… time beside the full one", f"{took:.2f} s, {took / seconds:.1%}", "10 %", took <= 0.1 * seconds)
    share = more.size / full.size
    told("… size beside the full one", f"{more.size / 1e6:.0f} MB, {share:.1%}", "10 %", share <= 0.1)


def _throughput(of: Subject) -> None:
    """Transactions a second as fast as they go, and at an even rate of half of that."""
    usual = 0.0
    for name in ("as fast as it goes", "at half of that"):
        usual, during, spent = _beside(of, (f"--rate={usual / 2:.0f}",) if usual else ())
        loss = 1 - during / usual
        figure = f"{usual:,.0f} → {during:,.0f} tps, {loss:.1%} less"
        told(f"transactions {name}, while a backup of {spent:.0f} s runs", figure, "10 %", loss <= 0.1)


def _beside(of: Subject, options: tuple[str, ...]) -> tuple[float, float, float]:
    """Transactions a second without a backup (before and after) and with one, and how long that took."""
    before = _tps(of, STEADY, options)
    over, spent = threading.Event(), [0.0]

    def back_up() -> None:
        began = time.monotonic()
        _full(of)
        spent[0] = time.monotonic() - began
        over.set()

    counts = [_count(of)]
    began = time.monotonic()
    with subprocess.Popen(
        _load(of, 600, options), env=_env(of), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as load:
        thread = threading.Thread(target=back_up)
        thread.start()
        thread.join()
        counts.append(_count(of))
        lasted = time.monotonic() - began
        load.terminate()
    after = _tps(of, STEADY, options)
    return (before + after) / 2, (counts[1] - counts[0]) / lasted, spent[0]


def _count(of: Subject) -> int:
    """Orders that were placed so far: each of pgbench's transactions notes one."""
    return int(str(asyncio.run(of.ask("SELECT count(*) FROM pgbench_history"))))


def _tps(of: Subject, seconds: int, options: tuple[str, ...]) -> float:
    done = subprocess.run(
        _load(of, seconds, options), env=_env(of), check=True, capture_output=True, text=True
    )
    found = _TPS.search(done.stdout)
    assert found, done.stdout
    return float(found[1])


def _load(of: Subject, seconds: int, options: tuple[str, ...]) -> list[str]:
    where = [each for each in programs.connection(of.server.admin_dsn) if each != "-w"]
    clients = [f"--client={CLIENTS}", "--jobs=2", f"--time={seconds}", "--no-vacuum"]
    return [str(PG_BIN / "pgbench"), *where, *clients, *options, "postgres"]


def _env(of: Subject) -> dict[str, str]:
    return {**programs.environment(), "PGPASSWORD": of.server.password}
