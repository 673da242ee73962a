"""Sealing on all cores: worker processes that share buffers with us, so that no byte is copied to reach them.

Compression lets go of Python's lock, encryption does not: in threads they would stand in each other's way,
and in that of the event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import mmap
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nexus.recovery import errors
from nexus.recovery.errors import RecoveryError, RecoveryFailed
from nexus.recovery.layout import PART_BYTES
from nexus.recovery.sealing import yielding
from nexus.recovery.sealing.keys import Keys
from nexus.recovery.sealing.seal import LEVEL

NICE = 10  # users of the living stack come first
STARVED = 5  # who gets too little of that
# Buffers of this size are kept and used again: else each one is given back to the system, and zeroed anew.
REUSING = {"MALLOC_MMAP_THRESHOLD_": "1073741824", "MALLOC_TRIM_THRESHOLD_": "4294967296"}
ENDS_WITHIN, WINDOW = 10.0, 5.0  # seconds


@dataclass(frozen=True)
class Slot:
    """A buffer that a worker sees too."""

    number: int
    memory: memoryview


class Sealers:
    """Worker processes, as long as the block runs (`sealers`): `count` at most, each started when all others
    are at work. `head`: what they are told first.
    """

    def __init__(self, head: dict[str, Any], count: int, slots: list[Slot]) -> None:
        self.workers: list[asyncio.subprocess.Process] = []
        self._head, self._to_start = head, count
        self._idle: asyncio.Queue[asyncio.subprocess.Process] = asyncio.Queue()
        self._slots: asyncio.Queue[Slot] = asyncio.Queue()
        for slot in slots:
            self._slots.put_nowait(slot)

    @property
    def pids(self) -> tuple[int, ...]:
        """Of the workers that there are."""
        return tuple(worker.pid for worker in self.workers if worker.returncode is None)

    async def start(self) -> None:
        """Starts one more worker. Where the system refuses, those that there are do the work.

        Raises:
            RecoveryFailed: the first one cannot be started.
        """
        self._to_start -= 1
        try:
            worker = await _worker(self._head)
        except RecoveryFailed:
            if not self.workers:
                raise
            self._to_start = 0
            return
        self.workers.append(worker)
        self._idle.put_nowait(worker)

    @contextlib.asynccontextmanager
    async def slot(self) -> AsyncIterator[Slot]:
        """A buffer of one's own while the block runs, as soon as one is free."""
        slot = await self.take()
        try:
            yield slot
        finally:
            self.give(slot)

    async def take(self) -> Slot:
        """A buffer of one's own, as soon as one is free; until it is given back."""
        return await self._slots.get()

    def give(self, slot: Slot) -> None:
        """Gives a buffer back."""
        self._slots.put_nowait(slot)

    @property
    def behind(self) -> bool:
        """Whether all workers are at work."""
        return self._idle.empty() and self._to_start == 0

    async def seal(self, slot: Slot, bytes: int, key: str, file: Path, level: int = LEVEL) -> tuple[int, str]:
        """Seals the first `bytes` of a buffer into a file; returns the file's size and SHA-256. `level`:
        Zstandard's.

        Raises:
            NoRoom: the file did not fit.
            RecoveryFailed: the worker ended.
        """
        job = {"do": "seal", "slot": slot.number, "bytes": bytes, "key": key, "file": str(file)}
        answer = await self._ask({**job, "level": level})
        return answer["bytes"], answer["sha256"]

    async def unseal(self, slot: Slot, key: str, file: Path, sha256: str = "") -> int:
        """Unseals a file into a buffer; returns how many bytes that are. `sha256`: what the file must have.

        Raises:
            Damaged, WrongKey: as `unseal` raises them.
            RecoveryFailed: the worker ended, or the file cannot be read.
        """
        job = {"do": "unseal", "slot": slot.number, "key": key, "file": str(file), "sha256": sha256}
        return int((await self._ask(job))["bytes"])

    async def rise_when_starved(self, window: float = WINDOW) -> None:
        """Lets the workers stand back less (`STARVED`) when they got too little of the processors for so many
        seconds. Never ends: one that began just then is told the next time.
        """
        before, since = yielding.spent(self.pids), time.monotonic()
        while True:
            await asyncio.sleep(window)
            now, at = yielding.spent(self.pids), time.monotonic()
            if yielding.starved(before, now, at - since):
                self._head["nice"] = min(STARVED, self._head["nice"])
                for pid in self.pids:
                    await asyncio.to_thread(yielding.stand_back, pid, self._head["nice"])
            before, since = now, at

    async def _ask(self, job: dict[str, Any]) -> dict[str, Any]:
        if self._idle.empty() and self._to_start:
            await self.start()
        worker = await self._idle.get()
        assert worker.stdin is not None
        assert worker.stdout is not None
        try:
            worker.stdin.write(json.dumps(job).encode() + b"\n")
            line = await worker.stdout.readline()
        except ConnectionError:
            line = b""
        except asyncio.CancelledError:  # its answer would be taken for that to the next job
            worker.kill()
            raise
        self._idle.put_nowait(worker)
        if not line:
            code = await worker.wait()
            raise RecoveryFailed(f"a process that seals ended with {code}; was there memory enough?")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            kind: type[RecoveryError] = getattr(errors, answer["error"])
            raise kind(answer["said"])
        return answer


@contextlib.asynccontextmanager
async def sealers(
    keys: Keys, count: int | None = None, nice: int = NICE, bytes: int = PART_BYTES
) -> AsyncIterator[Sealers]:
    """Worker processes, up to one for each core where `count` is not told; they end with the block, and with
    us.

    `nice`: how much they stand back, as long as they are not starved. `bytes`: how large the buffers are.

    Raises:
        RecoveryFailed: they cannot be started.
    """
    wanted = count or max(1, min(8, os.cpu_count() or 1))
    files = [_shared(bytes) for _ in range(wanted + 1)]
    maps = [mmap.mmap(file, bytes) for file in files]
    slots = [Slot(number, memoryview(each)) for number, each in enumerate(maps)]
    watching: asyncio.Task[None] | None = None
    head = {
        "recipients": keys.recipients,
        "identity": keys.identity,
        "former": keys.former,
        "slots": files,
        "bytes": bytes,
        "nice": nice,
    }
    found = Sealers(head, wanted, slots)
    try:
        await found.start()
        if nice:
            watching = asyncio.create_task(found.rise_when_starved(), name="watch those that yield")
        yield found
    finally:
        if watching is not None:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
        await asyncio.gather(*map(_end, found.workers))
        for slot, each, file in zip(slots, maps, files, strict=True):
            slot.memory.release()
            each.close()
            os.close(file)


async def _worker(head: dict[str, Any]) -> asyncio.subprocess.Process:
    try:
        worker = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "nexus.recovery.sealing.worker"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            cwd="/",
            env={**os.environ, **REUSING},
            start_new_session=True,
            pass_fds=head["slots"],
        )
    except OSError as error:
        raise RecoveryFailed(f"a process that seals cannot be started: {error}") from error
    assert worker.stdin is not None
    worker.stdin.write(json.dumps(head).encode() + b"\n")
    return worker


async def _end(worker: asyncio.subprocess.Process) -> None:
    """Closes its stdin, which is how it learns that it must end."""
    assert worker.stdin is not None
    worker.stdin.close()
    try:
        with contextlib.suppress(ConnectionError):  # it has ended already
            await worker.stdin.wait_closed()
        await asyncio.wait_for(asyncio.shield(worker.wait()), ENDS_WITHIN)
    except TimeoutError:
        worker.kill()
        await worker.wait()


def _shared(bytes: int) -> int:
    """Memory that children can map; on systems without it, a file without a name."""
    if hasattr(os, "memfd_create"):
        file = os.memfd_create("nexus-sealing")
    else:
        with tempfile.TemporaryFile() as handle:
            file = os.dup(handle.fileno())
    os.ftruncate(file, bytes)
    return file
