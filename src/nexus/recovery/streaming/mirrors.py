"""The other places get what the local one has; how far each of them is, in WAL and in seconds of work."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path

from nexus.recovery import layout, lsn
from nexus.recovery.errors import Locked, RecoveryError
from nexus.recovery.places import Entry, Place
from nexus.recovery.places.mirror import Mirror
from nexus.recovery.streaming import belonging
from nexus.recovery.streaming.status import PlaceLag

log = logging.getLogger("nexus.recovery")

AGAIN_MOST = 60.0  # seconds until a place that may not be used is asked again
TIDY_EVERY = 30.0


class PlaceMirror:
    """One place. `covered`: up to where its WAL reaches, as far as was ever seen."""

    def __init__(self, source: Place, target: Place, scratch: Path, covered: int | None) -> None:
        self.target = target
        self._scratch = scratch
        self._mirror = Mirror(source, target, scratch / target.name)
        self._merged: list[tuple[str, list[str]]] = []
        self._task: asyncio.Task[None] | None = None
        self._refused = ""
        self.covered = covered

    def start(self, system: str) -> None:
        """Begins, once it is known which cluster's files these are."""
        if self._task is None:
            self._task = asyncio.create_task(self._keep(system), name=f"mirror to {self.target.name}")

    def notice(self, entry: Entry, instead_of: Sequence[str]) -> None:
        """Tells of a file that was just stored, and which others it makes superfluous."""
        self._mirror.notice((entry,))
        if instead_of:
            self._merged.append((entry.key, list(instead_of)))

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
        """Reads off how far it is; what a place has once, it keeps."""
        if self._refused or sealed is None or not self._mirror.status().known:
            return
        reached = min(
            (at for each in self._lacking() if (at := _start(each.key, size)) is not None), default=sealed
        )
        self.covered = (
            reached if self.covered is None or self.covered > sealed else max(self.covered, reached)
        )

    def _lacking(self) -> tuple[Entry, ...]:
        return self._mirror.lacking(layout.WAL)

    async def _keep(self, system: str) -> None:
        pause = 1.0
        while True:
            try:
                await belonging.check(self.target, system, self._scratch)
                self._refused = ""
                async with asyncio.TaskGroup() as both:
                    both.create_task(self._mirror.run())
                    both.create_task(self._tidy())
            except RecoveryError as error:
                self._refused = str(error)
            except Exception:
                log.exception("mirroring to %s failed; it is tried again", self.target.name)
                self._refused = "mirroring failed; see the log"
            await asyncio.sleep(pause)
            pause = min(AGAIN_MOST, pause * 2)

    async def _tidy(self) -> None:
        """Deletes chunks there that a larger one, which is there too, has made superfluous."""
        while True:
            await asyncio.sleep(TIDY_EVERY)
            lacking = {each.key for each in self._lacking()}
            ready = [each for each in self._merged if each[0] not in lacking]
            if not ready or not self._mirror.status().known:
                continue
            try:
                await self.target.delete([key for _, keys in ready for key in keys])
            except Locked:
                log.debug("%s keeps chunks that are superfluous until they are unlocked", self.target.name)
            except RecoveryError as error:
                log.info("superfluous chunks stay in %s for now: %s", self.target.name, error)
                continue
            self._merged = [each for each in self._merged if each not in ready]

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

    async def close(self) -> None:
        """Stops, and lets go of the place."""
        await self.stop()
        try:
            await self.target.close()
        except RecoveryError as error:
            log.info("%s: %s", self.target.name, error)


def _start(key: str, size: int) -> int | None:
    """Where a file's WAL begins; None for a timeline's history."""
    chunk = layout.chunk_of(key)
    name = chunk.segment if chunk else layout.segment_of(key)
    return lsn.start(name, size) + (chunk.start if chunk else 0) if name else None
