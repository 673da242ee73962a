"""The other places get what the local one has; how far each of them is, in WAL and in seconds of work."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from nexus.recovery import layout, lsn
from nexus.recovery.errors import RecoveryError
from nexus.recovery.places import Entry, Place
from nexus.recovery.places.mirror import Mirror
from nexus.recovery.streaming import belonging
from nexus.recovery.streaming.holdings import Holdings, contiguous
from nexus.recovery.streaming.status import PlaceLag

log = logging.getLogger("nexus.recovery")

AGAIN_MOST = 60.0  # seconds until a place that may not be used is asked again


class PlaceMirror:
    """One place. `covered`: up to where its WAL reaches, as far as is known. `rate`: bytes per second that
    backups may take of the line to it.
    """

    def __init__(
        self, source: Place, target: Place, scratch: Path, covered: int | None, rate: float | None = None
    ) -> None:
        self.target = target
        self._scratch = scratch
        self._mirror = Mirror(source, target, scratch / target.name, rate)
        self._task: asyncio.Task[None] | None = None
        self._refused = ""
        self.covered = covered

    def start(self, system: str) -> None:
        """Begins, once it is known which cluster's files these are."""
        if self._task is None:
            self._task = asyncio.create_task(self._keep(system), name=f"mirror to {self.target.name}")

    def notice(self, entry: Entry) -> None:
        """Tells of a file that was just stored."""
        self._mirror.notice((entry,))

    def damaged(self) -> tuple[str, ...]:
        """Files that are no longer what was stored in the first place; they are copied nowhere."""
        return self._mirror.damaged

    def retry(self, key: str) -> None:
        """Tells that one of them is intact again."""
        self._mirror.retry(key)

    def lag(self, sealed: int | None, seconds: float | None) -> PlaceLag:
        """How far it is. `sealed`: up to where the local place is. `seconds`: what lies before `covered`."""
        told = self._mirror.status()
        refused = next(iter(told.refused.values()), "")
        behind = None if sealed is None or self.covered is None else max(0, sealed - self.covered)
        return PlaceLag(
            self.target.name,
            None if self.covered is None else lsn.text(self.covered),
            behind,
            seconds,
            told.keys,
            self._refused or told.error or refused,
            told.since,
        )

    def look(self, sealed: int | None, size: int) -> None:
        """Reads off how far it is: up to the first byte that is in the first place, but not in this one."""
        if self._refused or sealed is None or not self._mirror.status().known:
            return
        lacking = [each.key for each in self._mirror.lacking(layout.WAL)]
        names = {name for key in lacking if (name := _name(key))}
        there = Holdings.of(
            key
            for key in self._mirror.there(layout.WAL)
            if (chunk := layout.chunk_of(key)) and chunk[0] in names
        )
        reached = (
            lsn.start(_name(key) or "", size) + _lacks_from(key, there, size) for key in lacking if _name(key)
        )
        self.covered = min((sealed, *reached))

    async def _keep(self, system: str) -> None:
        pause = 1.0
        while True:
            try:
                await belonging.check(self.target, system, self._scratch)
                self._refused = ""
                await self._mirror.run()
            except RecoveryError as error:
                self._refused = str(error)
            except Exception:
                log.exception("mirroring to %s failed; it is tried again", self.target.name)
                self._refused = "mirroring failed; see the log"
            await asyncio.sleep(pause)
            pause = min(AGAIN_MOST, pause * 2)

    async def catch_up(self, within: float) -> None:
        """Copies what is there now, for at most so many seconds."""
        if self._task is None or self._refused:
            return await self.stop()
        await self.stop()
        try:
            await asyncio.wait_for(self._mirror.catch_up(), within)
        except (RecoveryError, OSError, TimeoutError) as error:
            said = str(error) or "there was no time left"
            log.info("%s does not have everything at the end: %s", self.target.name, said)
        return None

    async def stop(self) -> None:
        """Stops copying."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None


def _name(key: str) -> str | None:
    """The segment that a file is of; None for a timeline's history."""
    chunk = layout.chunk_of(key)
    return chunk.segment if chunk else layout.segment_of(key)


def _lacks_from(key: str, there: Holdings, size: int) -> int:
    """From which byte of its segment on a place lacks what is in a file, as smaller ones may be there."""
    chunk = layout.chunk_of(key)
    held = contiguous(there.chunks.get(_name(key) or "", ()))
    return size if chunk and chunk.end <= held else held
