"""Keeps the receiver: decides where it goes on, makes the slot, starts it, and again when it ends."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from nexus.recovery import layout, lsn
from nexus.recovery.streaming import position, rooms, server
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
    """`gap` is told of WAL that cannot be had any more."""

    def __init__(self, home: Home, watch: Watch, sealer: Sealer, gap: Callable[[Gap], None]) -> None:
        self._home = home
        self._watch = watch
        self.sealer = sealer
        self._gap = gap
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
            line = position.line_of(facts.timeline, facts.lsn, await self._forks(connection, facts.timeline))
            found = wanted = position.wanted(held, line, facts.segment)
            slot = await self._slot(connection, facts)
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
        size, name = facts.segment, found.segment(facts.segment)
        kept = rooms.folders(self._home, facts.system)
        folder = kept[-1] if kept else rooms.fresh(self._home, facts.system)
        await asyncio.to_thread(mend, folder, size)
        begin = None
        if next_segment(folder, size) != name:
            if read_folder(folder).segments:
                folder = rooms.fresh(self._home, facts.system)
            begin = name
        self.sealer.hold = name if self.sealer.held.chunks.get(name) else None
        await self.receiver.start(self._watch.address(), folder, begin, synchronous)

    async def prove(self, facts: Facts) -> None:
        """What comes anew of a segment that was sealed in part must be the same; then it is sealed further.

        Raises:
            Diverged: it is not; what came is put aside.
            RecoveryError: what was sealed cannot be read.
        """
        name, sender = self.sealer.hold, facts.sender
        if name is None or sender is None:
            return
        begin, sealed = lsn.start(name, facts.segment), self.sealer.held.end(name, facts.segment)
        if sender.written < begin + sealed:
            return
        folder = rooms.folders(self._home, facts.system)[-1]
        if not await self.sealer.same(name, folder, sealed):
            await self.receiver.stop()
            folder.rename(folder.with_name(f"refused-{folder.name}"))
            raise Diverged(f"the server's WAL after {lsn.text(begin)} is not what the archive has: {HOW}")
        self.sealer.hold = None
