"""WAL for a server that recovers: fetched ahead, cut where the replay must end, handed over file by file.

The server runs as a user who can read neither keys nor backups, so its restore_command only asks: it writes
a name into one named pipe and reads the answer from another (PostgreSQL manual, 25.3.5 and 26.2).
"""

from __future__ import annotations

import asyncio
import os
import shlex
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from nexus.recovery import lsn
from nexus.recovery.errors import Missing, RecoveryError, Unreachable, WrongKey
from nexus.recovery.repository import Repository
from nexus.recovery.streaming.fetch import read_wal
from nexus.runtimes.process import accounts
from nexus.runtimes.protocol import Account

AHEAD = 3  # segments
HERE, NONE, FAULT = b"here\n", b"none\n", b"fault\n"
SEGMENT_NAME = 24  # letters
# Exit code 1 = there is no such file; above 125 = anything else, which stops the server (manual, 25.3.5).
_ASK = """\
# $1 the file that PostgreSQL asks for, $2 where to.
echo "$1" > {folder}/want || exit 200
read -r said < {folder}/answer || exit 200
case "$said" in
    here) mv {folder}/"$1" "$2" && exit 0 ;;
    none) exit 1 ;;
esac
exit 200
"""


@dataclass
class Feed:
    """`folder`: private to the server's user. `limit`: the byte from which on nothing is given, as if the WAL
    ended there. `needs` tells whether a segment is part of what must be replayed: the server promotes where
    one is missing. `timeline`: the one that is followed. `served` is told the place in the WAL that was given
    last. `trouble`: why the server was stopped.
    """

    repository: Repository
    folder: Path
    account: Account | None
    segment: int
    limit: int
    needs: Callable[[str], bool] = lambda _: False
    timeline: int = 0
    served: Callable[[int], None] = lambda _: None
    trouble: RecoveryError | OSError | None = None
    _ahead: dict[str, asyncio.Task[bytes]] = field(default_factory=dict)

    @property
    def command(self) -> str:
        """The restore_command."""
        ask = shlex.quote(str(self.folder / "ask")).replace("%", "%%")
        return f"/bin/sh {ask} %f %p"

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Feed]:
        """Answers as long as the block runs."""
        accounts.private_folder(self.folder, self.account)
        accounts.private_file(
            self.folder / "ask", _ASK.format(folder=shlex.quote(str(self.folder))), self.account
        )
        pipes = [self._pipe("want"), self._pipe("answer")]
        task = asyncio.create_task(self._serve(*pipes), name="feed a server with WAL")
        try:
            yield self
        finally:
            for each in (task, *self._ahead.values()):
                each.cancel()
            await asyncio.gather(task, *self._ahead.values(), return_exceptions=True)
            for pipe in pipes:
                os.close(pipe)

    def _pipe(self, name: str) -> int:
        """A named pipe whose both ends we hold, so that no opening waits for us."""
        path = self.folder / name
        os.mkfifo(path, 0o600)
        accounts.give(path, self.account)
        return os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)

    async def _serve(self, want: int, answer: int) -> None:
        loop, names = asyncio.get_running_loop(), asyncio.Queue[str]()
        loop.add_reader(want, _read_lines, want, bytearray(), names)
        try:
            while True:
                os.write(answer, await self._answer(await names.get()))
        finally:
            loop.remove_reader(want)

    async def _answer(self, name: str) -> bytes:
        try:
            if self._beyond(name):
                return NONE
            data = await self._read(name)
            await asyncio.to_thread(self._hand_over, name, data)
        except Missing as fault:
            if len(name) != SEGMENT_NAME or not self.needs(name):
                return NONE
            self.trouble = Unreachable(
                f"{name} was there when this was planned, and is in no place any more ({fault}); the same "
                "command chooses anew"
            )
            return FAULT
        except WrongKey as fault:
            if name.endswith(".history") and lsn.timeline(name) <= self.timeline:
                return NONE  # it is older than the recovery kit; the backup brings its own copy
            self.trouble = fault
            return FAULT
        except (RecoveryError, OSError) as fault:
            self.trouble = fault
            return FAULT
        if len(name) == SEGMENT_NAME:
            self.served(min(self._start(name) + self.segment, self.limit))
        return HERE

    async def _read(self, name: str) -> bytes:
        if len(name) != SEGMENT_NAME:
            return await read_wal(self.repository, name, self.segment)
        wanted = [
            lsn.segment(lsn.timeline(name), self._start(name) + i * self.segment, self.segment)
            for i in range(AHEAD + 1)
        ]
        for old in [each for each in self._ahead if each not in wanted]:
            self._ahead.pop(old).cancel()
        for each in wanted:
            if each not in self._ahead and not self._beyond(each):
                fetch = read_wal(self.repository, each, self.segment)
                self._ahead[each] = asyncio.create_task(fetch)
                self._ahead[each].add_done_callback(_looked_at)
        return await self._ahead.pop(name)

    def _hand_over(self, name: str, data: bytes) -> None:
        draft = self.folder / f".{name}"
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as file:
            file.write(self._cut(name, data))
        accounts.give(draft, self.account)
        draft.rename(self.folder / name)

    def _cut(self, name: str, data: bytes) -> bytes:
        """A segment as it would be if the WAL ended at the limit."""
        kept = self.limit - self._start(name) if len(name) == SEGMENT_NAME else len(data)
        return data if kept >= len(data) else data[:kept] + bytes(len(data) - kept)

    def _beyond(self, name: str) -> bool:
        return len(name) == SEGMENT_NAME and self._start(name) >= self.limit

    def _start(self, name: str) -> int:
        return lsn.start(name, self.segment)


def _read_lines(pipe: int, rest: bytearray, lines: asyncio.Queue[str]) -> None:
    """Takes what a pipe holds. `rest`: the beginning of a line whose end is still to come."""
    rest += os.read(pipe, 4096)
    while (end := rest.find(b"\n")) >= 0:
        lines.put_nowait(rest[:end].decode())
        del rest[: end + 1]


def _looked_at(task: asyncio.Task[bytes]) -> None:
    """What was fetched ahead may never be asked for; then nobody is interested in why it failed."""
    if not task.cancelled():
        task.exception()
