"""Keeps the receiver: decides where it goes on, makes the slot, starts it, and again when it ends."""

from __future__ import annotations

import asyncio
import logging
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from nexus.recovery import layout, lsn
from nexus.recovery.streaming import position, rooms, server
from nexus.recovery.streaming.coverage import spans
from nexus.recovery.streaming.position import HOW, Diverged, Position
from nexus.recovery.streaming.received import read_folder, written
from nexus.recovery.streaming.receiver import Receiver, mend, next_segment
from nexus.recovery.streaming.sealer import Sealer
from nexus.recovery.streaming.server import Facts, Slot
from nexus.recovery.streaming.status import Gap
from nexus.recovery.streaming.watch import Away, Watch
from nexus.runtimes.home import Home

log = logging.getLogger("nexus.recovery")


class Keeping:
    """`gap` is told of WAL that cannot be had any more. `line`: the server's timelines, oldest first, and
    where each was left; as it was when the receiver was to begin last.
    """

    def __init__(self, home: Home, watch: Watch, sealer: Sealer, gap: Callable[[Gap], None]) -> None:
        self._home = home
        self._watch = watch
        self.sealer = sealer
        self._gap = gap
        self.line: tuple[tuple[int, int], ...] = ()
        self.receiver = Receiver(rooms.receiver(home))

    async def begin(self, facts: Facts, synchronous: bool) -> None:
        """Starts the receiver where the archive ends.

        Raises:
            Diverged: the server contradicts the archive.
            RecoveryError: the archive cannot be read.
            Away: the server does not answer.
            OSError, StartError: the receiver cannot be started.
        """
        self.receiver.end_leftover()
        await self.sealer.list()
        async with self._watch.asking() as connection:
            await server.free_slot(connection)
            held = await asyncio.to_thread(self._held, facts)
            facts = await server.ask(connection)  # after all that was received: it cannot be behind that
            if facts.recovering:
                raise Away("the server recovers")
            line = self.line = position.line_of(
                facts.timeline, facts.lsn, await self._forks(connection, facts.timeline)
            )
            found = wanted = position.wanted(held, line, facts.segment)
            slot = await self._slot(connection, facts)
            for hole in position.holes(spans(self.sealer.held, facts.segment), line, facts.segment):
                if wanted is not None and await self._there(connection, hole, slot, facts.segment):
                    found = wanted = hole
                    break
            if wanted is None or not await self._there(connection, wanted, slot, facts.segment):
                assert slot.restart is not None
                found = position.at(slot.restart, line, facts.segment)
        assert found is not None
        if wanted is not None and found is not wanted:
            self._tell_gap(wanted, found, facts.slot)
        await self._start(found, facts, synchronous)

    def _held(self, facts: Facts) -> dict[int, int]:
        """How far each timeline's WAL is here: sealed, or received."""
        held = self.sealer.held.ends(facts.segment)
        for folder in rooms.folders(self._home, facts.system):
            for each in read_folder(folder).segments:
                if each.size == facts.segment:
                    end = lsn.start(each.name, each.size) + (
                        written(each.path) if each.partial else each.size
                    )
                    timeline = lsn.timeline(each.name)
                    if end > lsn.start(each.name, each.size):
                        held[timeline] = max(end, held.get(timeline, 0))
        return held

    async def _forks(self, connection: server.Connection, timeline: int) -> dict[int, int]:
        """Where the server's timeline left each earlier one; the archive must not know it as another one."""
        if timeline == 1:
            return {}
        text = await server.history(connection, timeline)
        if timeline in self.sealer.held.histories:
            known = await self.sealer.repository.read(layout.history(timeline))
            if server.parse_history(known) != server.parse_history(text):
                raise Diverged(f"the server's timeline {timeline} is not the one that the archive has: {HOW}")
        return server.parse_history(text)

    async def _slot(self, connection: server.Connection, facts: Facts) -> Slot:
        if facts.slot is None or facts.slot.lost:
            log.info("the slot %s is %s: made", server.NAME, "lost" if facts.slot else "not there")
            return await server.make_slot(connection)
        return facts.slot

    async def _there(self, connection: server.Connection, found: Position, slot: Slot, size: int) -> bool:
        """Whether the server still has the WAL from there on."""
        if slot.restart is not None and slot.restart // size * size <= found.start:
            return True
        return await server.has_segment(connection, found.segment(size))

    def _tell_gap(self, lost: Position, found: Position, slot: Slot | None) -> None:
        why = (
            "the server dropped WAL that the stream had not got yet, as it was away for too long "
            "(recovery.slot_limit)"
            if slot is not None
            else "the server no longer had the WAL after what the archive has, and kept none for it"
        )
        self._gap(Gap(found.timeline, lsn.text(lost.end), lsn.text(found.start), why, time.time()))

    async def _start(self, found: Position, facts: Facts, synchronous: bool) -> None:
        """What comes anew never overwrites what came before: that is compared with it, once it is sealed."""
        size, name = facts.segment, found.segment(facts.segment)
        kept = rooms.folders(self._home, facts.system)
        folder = kept[-1] if kept else rooms.fresh(self._home, facts.system)
        await asyncio.to_thread(mend, folder, size)
        begin = None
        if next_segment(folder, size) != name or await asyncio.to_thread(_begun, folder):
            if read_folder(folder).segments:
                folder = rooms.fresh(self._home, facts.system)
            begin = name
        self.sealer.doubtful = True
        await self.receiver.start(self._watch.address(), folder, begin, synchronous)

    async def refuse(self, folder: Path) -> None:
        """Takes what was received away, from this folder on: the first one is kept, to be looked at."""
        await self.receiver.stop()
        for each in rooms.folders(self._home, folder.parent.name):
            if each.name < folder.name:
                continue
            if any(folder.parent.glob("refused-*")):
                await asyncio.to_thread(shutil.rmtree, each)
            else:
                each.rename(each.with_name(f"refused-{each.name}"))


def _begun(folder: Path) -> bool:
    """Whether something was written into the segment that a folder's receiver would go on with."""
    newest = read_folder(folder).newest
    return newest is not None and newest.partial and newest.size > 0 and written(newest.path) > 0
