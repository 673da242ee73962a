"""A recovering server is fed with WAL: it asks by its restore_command, and finds the next files ready.

The server may read neither keys nor backups; we read them for it, a few segments ahead.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shlex
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

from nexus.recovery.errors import Missing, RecoveryError
from nexus.recovery.layout import SEGMENT_BYTES
from nexus.recovery.lsn import segment, start, timeline
from nexus.recovery.repository import Repository
from nexus.recovery.streaming import asking
from nexus.recovery.streaming.fetch import fetch_wal
from nexus.runtimes.process import accounts
from nexus.runtimes.protocol import Account

log = logging.getLogger("nexus.recovery")

AHEAD = 3  # segments


@contextlib.asynccontextmanager
async def feeding(
    repository: Repository, account: Account | None, size: int = SEGMENT_BYTES, ahead: int = AHEAD
) -> AsyncIterator[Feeder]:
    """Feeds one recovery as long as the block runs. `account`: whom the server runs as. `size`: of its
    segments.
    """
    folder = Path(tempfile.mkdtemp(prefix="nexus-wal-"))
    feeder = Feeder(repository, folder, account, size, ahead)
    try:
        accounts.private_file(folder / "asking.py", Path(asking.__file__).read_text(), account)
        server = await asyncio.start_unix_server(feeder.answer, folder / "socket")
        accounts.give(folder / "socket", account)
        accounts.give(folder, account)
        async with server:
            yield feeder
    finally:
        await feeder.close()
        shutil.rmtree(folder, ignore_errors=True)


class Feeder:
    """`command` is the restore_command. `given`: the files that were handed out; `fault`: why one was not,
    though it is there.
    """

    def __init__(
        self, repository: Repository, folder: Path, account: Account | None, size: int, ahead: int
    ) -> None:
        self._repository = repository
        self._folder = folder
        self._account = account
        self._size = size
        self._ahead = ahead
        self._fetching: dict[str, asyncio.Task[Path]] = {}
        self.given: list[str] = []
        self.fault: RecoveryError | None = None

    @property
    def command(self) -> str:
        """What the server is to run, before it is quoted for postgresql.conf."""
        words = (sys.executable, "-I", "-S", str(self._folder / "asking.py"), str(self._folder / "socket"))
        return f"{shlex.join(words)} %f %p"

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answers one request: a line with a file's name."""
        try:
            name = (await reader.readline()).decode().strip()
            writer.write(f"{await self._answer(name)}\n".encode())
            await writer.drain()
        except ConnectionError:
            log.info("a recovering server went away while it was fed")
        finally:
            writer.close()

    async def _answer(self, name: str) -> str:
        ahead = name in self._fetching
        try:
            path = await asyncio.shield(self._fetch(name))
        except Missing as fault:
            if ahead:  # by now it may be there
                self._fetching.pop(name, None)
                return await self._answer(name)
            return f"none {fault}"
        except RecoveryError as fault:
            log.error("%s cannot be replayed: %s", name, fault)
            self.fault = fault
            return f"trouble {' '.join(str(fault).split())}"
        except OSError as error:
            return f"trouble {error}"
        finally:
            self._fetching.pop(name, None)
        self.given.append(name)
        self._look_ahead(name)
        return f"ok {path}"

    def _fetch(self, name: str) -> asyncio.Task[Path]:
        if name not in self._fetching:
            task = asyncio.create_task(self._bring(name), name=f"fetch {name}")
            task.add_done_callback(lambda done: done.cancelled() or done.exception())  # nobody may ask for it
            self._fetching[name] = task
        return self._fetching[name]

    async def _bring(self, name: str) -> Path:
        path = self._folder / name
        await fetch_wal(self._repository, name, path, self._size)
        accounts.give(path, self._account)
        return path

    def _look_ahead(self, name: str) -> None:
        if len(name) != 24:
            return
        first = start(name, self._size)
        wanted = {
            segment(timeline(name), first + n * self._size, self._size) for n in range(1, self._ahead + 1)
        }
        for passed in self._fetching.keys() - wanted:  # of another timeline
            self._drop(passed)
        for each in sorted(wanted):
            self._fetch(each)

    def _drop(self, name: str) -> None:
        task = self._fetching.pop(name)
        task.cancel()
        (self._folder / name).unlink(missing_ok=True)

    async def close(self) -> None:
        """Stops reading ahead."""
        tasks = list(self._fetching.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
