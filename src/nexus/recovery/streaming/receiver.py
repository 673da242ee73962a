"""pg_receivewal, kept alive: one process that writes what the server streams into a folder.

Its process is noted, so that the next keeper ends it when this one was killed. It is not niced: commits may
wait for it.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
import os
import signal
import time
from asyncio.subprocess import DEVNULL
from collections import deque
from pathlib import Path

from nexus.postgres import programs
from nexus.recovery import lsn
from nexus.recovery.streaming.received import PARTIAL, read_folder
from nexus.recovery.streaming.server import NAME
from nexus.runtimes.process import accounts
from nexus.runtimes.process.drivers.postgres import binaries
from nexus.runtimes.process.identity import alive, birth

log = logging.getLogger("nexus.recovery")

SAYS_EVERY = 1  # seconds between two reports to the server of how far it is
LAST_LINES = 5


class Receiver:
    """`note`: the file in which its process is noted."""

    def __init__(self, note: Path) -> None:
        self._note = note
        self._account = programs.postgres_account()
        self._child: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._said: deque[str] = deque(maxlen=LAST_LINES)
        self._passwords: Path | None = None
        self.synchronous = False
        self.url = ""
        self.started = math.inf  # when it connected at the earliest, by CLOCK_MONOTONIC

    @property
    def pid(self) -> int | None:
        """Its process while it runs."""
        return self._child.pid if self.runs and self._child else None

    @property
    def runs(self) -> bool:
        """Whether it runs."""
        return self._child is not None and self._child.returncode is None

    @property
    def said(self) -> str:
        """Its last words."""
        return " / ".join(self._said)

    async def start(self, url: str, folder: Path, begin: str | None, synchronous: bool) -> None:
        """Starts it in a folder. `begin`: the segment from which on it is to receive, where the folder's own
        files do not say so. `synchronous`: whether it forces to disk what it got before it says so.

        Raises:
            OSError: it cannot be started.
            StartError: PostgreSQL's wheel is missing.
        """
        accounts.private_folder(folder.parent.parent, self._account)
        accounts.private_folder(folder.parent, self._account)
        accounts.private_folder(folder, self._account)
        if begin is not None:
            self._begin_with(folder, begin)
        for each in folder.parent.glob("pgpass.*"):  # a killed one's, of another port
            each.unlink()
        passwords = self._passwords = programs.password_file(folder.parent, url, self._account)
        self._said.clear()
        env = programs.environment(PGPASSFILE=str(passwords), PGAPPNAME=NAME)
        command = (
            *(str(binaries() / "pg_receivewal"), *programs.connection(url), f"--slot={NAME}", "--no-loop"),
            *(f"--status-interval={SAYS_EVERY}", f"--directory={folder}"),
            *(("--synchronous",) if synchronous else ()),
        )
        self._child = await programs.started(
            command, self._account, folder.parent, env, False, stdout=DEVNULL
        )
        self.started = time.monotonic()
        self.synchronous, self.url = synchronous, url
        pid = self._child.pid
        accounts.private_file(self._note, json.dumps({"pid": pid, "birth": birth(pid)}), None)
        self._reading = asyncio.create_task(self._listen(self._child), name="listen to pg_receivewal")
        log.info("receiving WAL into %s (pid %d)", folder, pid)

    async def wait(self) -> None:
        """Returns when it has ended."""
        if self._child is not None:
            await self._child.wait()

    async def stop(self) -> None:
        """Ends it orderly: what it got is written."""
        if self._child is not None:
            await programs.end(self._child, signal.SIGINT, 5.0)
        if self._reading is not None:
            await self._reading
        self._note.unlink(missing_ok=True)
        if self._passwords is not None:
            self._passwords.unlink(missing_ok=True)
            self._passwords = None

    def end_leftover(self) -> None:
        """Ends the receiver of a killed archive."""
        try:
            noted = json.loads(self._note.read_text())
        except (FileNotFoundError, ValueError):
            return
        if alive(noted["pid"], noted["birth"]):
            log.info("ending the receiver of an archive that was killed: pid %d", noted["pid"])
            os.killpg(noted["pid"], signal.SIGKILL)
        self._note.unlink(missing_ok=True)

    def _begin_with(self, folder: Path, segment: str) -> None:
        """It goes on in a segment that is partly there, from its first byte on."""
        path = folder / f"{segment}{PARTIAL}"
        path.touch(mode=0o600, exist_ok=True)
        accounts.give(path, self._account)

    async def _listen(self, child: asyncio.subprocess.Process) -> None:
        assert child.stderr is not None
        while line := await child.stderr.readline():
            text = line.decode(errors="replace").strip().removeprefix("pg_receivewal: ")
            if text:
                self._said.append(text)


def mend(folder: Path, size: int) -> None:
    """Removes files that pg_receivewal was killed over while it made them: it fills them with zeros before
    it writes anything, and refuses one that is neither empty nor of full size.
    """
    for each in read_folder(folder).segments:
        if each.partial and each.size not in (0, size):
            log.info("%s was never written to: removed", each.path)
            each.path.unlink()


def next_segment(folder: Path, size: int) -> str | None:
    """Where pg_receivewal would go on by itself; None where its folder is empty."""
    newest = read_folder(folder).newest
    if newest is None:
        return None
    if newest.partial:
        return newest.name
    return lsn.segment(lsn.timeline(newest.name), lsn.start(newest.name, size) + size, size)
