"""What the stream knows, whatever it is told meanwhile; the part of it that outlives the process."""

from __future__ import annotations

import time

from nexus.recovery import lsn
from nexus.recovery.backups.manifest import BackupManifest
from nexus.recovery.errors import Damaged, Missing, RecoveryError, WrongKey
from nexus.recovery.repository import Repository
from nexus.recovery.streaming import rooms
from nexus.recovery.streaming.memory import Memory
from nexus.recovery.streaming.samples import Samples
from nexus.recovery.streaming.server import Facts
from nexus.recovery.streaming.status import Gap
from nexus.recovery.streaming.troubles import Troubles
from nexus.runtimes.home import Home

WRITE_EVERY = 5.0  # seconds
LOOK_EVERY = 30.0


class Standing:
    """`covered`: how far each place was seen to be. `gap`: lost WAL, until a full backup mends that."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._memory = Memory.read(rooms.memory(home))
        self._recalled = False
        self._written = self._looked = 0.0
        self._at: tuple[float, float] | None = None  # the server's time, and when that was
        self.troubles = Troubles()
        self.samples = Samples()
        self.covered = dict(self._memory.places)
        self.gap: Gap | None = None
        if self._memory.gap is not None:
            self.tell_gap(self._memory.gap)

    def hear(self, facts: Facts, now: float) -> None:
        """Takes in what the server says. `now`: of CLOCK_MONOTONIC."""
        if not self._recalled:
            self.samples.recall(self._memory.since(facts.now), now)
            self._recalled = True
        if not facts.recovering:
            self.samples.add(now, facts.lsn)
        self._at = (facts.now, now)
        if now - self._written > WRITE_EVERY:
            self.write()

    def tell_gap(self, gap: Gap) -> None:
        """There is a gap. With one before it, it reaches from the first to the last."""
        if self.gap is not None:
            gap = Gap(gap.timeline, self.gap.start, gap.until, gap.why, self.gap.at)
        self.gap = gap
        self.troubles.say(
            "gap",
            f"WAL from {gap.start} to {gap.until} is lost: {gap.why}. Take a full backup now "
            "(`nexus backup create --full`): without it, nothing after that can be restored",
        )
        self.write()

    async def look_for_full(self, repository: Repository, now: float) -> None:
        """A full backup that began after the gap mends it."""
        if self.gap is None or now - self._looked < LOOK_EVERY:
            return
        self._looked = now
        unread = ""
        try:
            for name in reversed(await repository.ids()):
                if not name.endswith("-full"):
                    continue
                try:
                    found = await repository.backup(name)
                except (Damaged, Missing, WrongKey) as error:
                    unread = unread or f"{name}: {error}"
                    continue
                if self._mends(found, self.gap):
                    self.gap, unread = None, ""
                    self.troubles.say("gap", None)
                    self.write()
                break
        except RecoveryError as error:
            unread = str(error)
        text = f"a full backup that may end the gap cannot be read: {unread}"
        self.troubles.say("backup", text if unread else None)

    @staticmethod
    def _mends(full: BackupManifest, gap: Gap) -> bool:
        return full.timeline >= gap.timeline and lsn.parse(full.start_lsn) >= lsn.parse(gap.until)

    def write(self) -> None:
        """Keeps what the next process must know."""
        self._written = time.monotonic()
        if self._at is None:
            at, ages = self._memory.at, self._memory.ages
        else:
            at, ages = self._at[0], tuple(self.samples.ages(self._at[1]))
        Memory(self.gap, at, ages, self.covered).write(rooms.memory(self._home))
