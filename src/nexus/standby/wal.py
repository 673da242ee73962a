"""How far a stopped server's own WAL goes, and what of it was committed (pg_waldump)."""

from __future__ import annotations

import asyncio
import re
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from nexus.postgres import programs
from nexus.postgres.programs import Programs
from nexus.recovery import lsn
from nexus.recovery.layout import SEGMENT_BYTES
from nexus.runtimes.process.drivers.postgres import binaries

_RECORD = re.compile(r"rmgr: (\S+)\s.*? lsn: ([0-9A-F]+/[0-9A-F]+), prev .*? desc: (\S+)")


@dataclass(frozen=True)
class End:
    """`last`: where the last whole record begins; `end`: as far as the WAL can be read, at least; both in
    bytes from its beginning. `commits`: transactions committed from where was asked.
    """

    last: int
    end: int
    commits: int


async def end_of(run: Programs, data: Path, start: int) -> End | None:
    """What a server that does not run wrote from `start` on; None where its WAL cannot be read.

    Reading ends at the first record that is not whole, as recovery does.
    """
    on = timeline_at(data, start)
    if on is None:
        return None
    told = ("-p", str(data / "pg_wal"), "-t", str(on), "-s", lsn.text(start))
    command = (str(binaries() / "pg_waldump"), *told)
    child = await programs.started(command, run.account, run.folder, programs.environment(), False)
    assert child.stdout is not None
    assert child.stderr is not None
    wrong = asyncio.ensure_future(child.stderr.read())
    last, commits = start - 1, 0
    try:
        async for line in _lines(child.stdout):
            found = _RECORD.match(line)
            if found:
                last = lsn.parse(found[2])
                commits += found[1] == "Transaction" and found[3].startswith("COMMIT")
    except BaseException:
        wrong.cancel()
        await programs.end(child, signal.SIGKILL)
        raise
    await wrong  # it always ends with a word on the record that is not whole
    await child.wait()
    return End(last, last + 1, commits)


def timeline_at(data: Path, place: int) -> int | None:
    """The newest timeline of which the folder has the segment that holds a place; None where it has none."""
    wanted = lsn.segment(1, place, SEGMENT_BYTES)[8:]
    try:
        names = [each.name for each in (data / "pg_wal").iterdir()]
    except OSError:
        return None
    return max((lsn.timeline(name) for name in names if len(name) == 24 and name[8:] == wanted), default=None)


async def _lines(stream: asyncio.StreamReader) -> AsyncIterator[str]:
    """Lines of any length."""
    rest = b""
    while chunk := await stream.read(1 << 16):
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line.decode("utf-8", "replace")
