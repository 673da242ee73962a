"""A small company under a control loop of its own, with a second place; commits wait for the archive."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from nexus.control.client import Client, ControlError
from nexus.control.drilling.load import Load, present
from nexus.control.recovering.tests.small_stack import SERVER, TILL
from nexus.recovery.streaming.status import StreamStatus, read_status
from nexus.runtimes.home import Home
from nexus.testing import CHECKOUT, ThrowawayStack, eventually, throwaway_stack

STACK = """\
name: firm
telemetry: {collect: off}
infrastructure:
  db: {kind: database, runtime: postgres, port: 9005}
recovery:
  synchronous: require
  reserve: 1M
  schedule: {zone: America/Sao_Paulo}
  places: {safe: {kind: directory, path: %s}}
"""
RECEIPTS = (
    "CREATE TABLE receipts (id int PRIMARY KEY, amount numeric);\nINSERT INTO receipts VALUES (1, 9.90);\n"
)
TAKINGS = (
    "-- title: Takings\n-- needs: till\n-- unit: BRL\nSELECT NULL AS of, sum(amount) FROM till.receipts;\n"
)
WITHIN = 60.0  # seconds after which what is waited for does not come


@dataclass(frozen=True)
class Company:
    """The stack, and where its second place lies."""

    stack: ThrowawayStack
    safe: Path

    @property
    def home(self) -> Home:
        return Home.at(self.stack.home)

    @property
    def url(self) -> str:
        """The superuser's address of the business's database."""
        told = (self.stack.home / "secrets" / "db" / "admin_url").read_text().strip()
        return f"{told.rpartition('/')[0]}/nexus"

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        """A command that is not waited for."""
        return subprocess.Popen(
            [str(CHECKOUT / "nexus"), *arguments],
            env=self.stack.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def outcome(self, *arguments: str) -> dict[str, Any]:
        """The last event of a change; how it ended is in it."""
        done = self.stack.run(*arguments, "--json")
        assert done.stdout, done.stderr
        last: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        assert last["exit_code"] == done.returncode, last
        return last

    def stream(self) -> StreamStatus:
        """How it is, as soon as it runs and commits wait for it."""

        def found() -> StreamStatus | None:
            status = read_status(self.home)
            told = status and status.alive and status.commits_wait and psutil.pid_exists(status.pid)
            return status if told else None

        status = eventually(found, WITHIN)
        assert status is not None
        return status

    def kill_stream(self) -> None:
        """SIGKILL to the stream's process."""
        os.kill(self.stream().pid, signal.SIGKILL)

    def kill_loop(self) -> None:
        """SIGKILL to the control loop; returns when another one answers."""
        killed = eventually(self._loop, WITHIN)
        assert killed is not None
        os.kill(killed, signal.SIGKILL)
        eventually(lambda: self._loop() not in (None, killed), WITHIN)

    def _loop(self) -> int | None:
        """The pid of the control loop that answers; one that runs older code than ours hands over."""
        with contextlib.suppress(OSError, ControlError):
            return int(Client(self.home).get("/v1/ping")["pid"])
        return None

    def lose_database(self) -> None:
        """The folder with the database's files is gone, and the server with it."""
        data = (self.stack.home / "data" / "db").resolve()
        postmaster = int((data / "postmaster.pid").read_text().split()[0])
        shutil.rmtree(data)
        with contextlib.suppress(ProcessLookupError):
            os.kill(postmaster, signal.SIGKILL)

    def present(self) -> frozenset[int]:
        """What the clerk wrote and is there."""
        return asyncio.run(present(self.url))

    def strays(self) -> list[str]:
        """Processes that work below the folder of drills."""
        found = [" ".join(each.info["cmdline"] or ()) for each in psutil.process_iter(["cmdline"])]
        return [line for line in found if str(self.stack.home / "drills") in line]


class Clerk:
    """Writes fifty rows a second through all outages, in a thread, and notes which were acknowledged."""

    def __init__(self, url: str) -> None:
        self._load = Load(url)
        self._over = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._write()))

    def __enter__(self) -> Clerk:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    @property
    def acknowledged(self) -> frozenset[int]:
        return frozenset(each.id for each in self._load.writes)

    def more(self, count: int) -> None:
        """Waits until so many more were acknowledged."""
        wanted = len(self._load.writes) + count
        eventually(lambda: len(self._load.writes) >= wanted, WITHIN, 0.01)

    async def _write(self) -> None:
        await self._load.start()
        while not self._over.is_set():
            await asyncio.sleep(0.02)
        await self._load.stop()


@contextmanager
def company() -> Iterator[Company]:
    """Brings it up, with one full backup in both places, and takes it away afterwards."""
    root = Path(tempfile.mkdtemp(prefix="nexus-firm-"))
    root.chmod(0o755)
    safe = Path(tempfile.mkdtemp(prefix="nexus-safe-"))
    files = {
        "nexus.yaml": STACK % safe,
        "modules/till/module.yaml": TILL,
        "modules/till/till.py": SERVER,
        "modules/till/migrations/1_first/migration.sql": RECEIPTS,
        "modules/till/totals/takings.sql": TAKINGS,
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    try:
        with throwaway_stack(root=root) as stack:
            found = Company(stack, safe)
            found.stream()
            stack.nexus("backup", "create", "--full")
            yield found
    finally:
        shutil.rmtree(root, ignore_errors=True)
        shutil.rmtree(safe, ignore_errors=True)
