"""Looking at what there is: backups in every place, the stream, the disk, and what was done so far."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from nexus.control.recovering.desk import Desk
from nexus.control.recovering.facts import PlaceFacts, RecoveryFacts
from nexus.control.recovering.reading import behind, wal_behind
from nexus.control.recovering.runs import SCENARIO, Run, Runs
from nexus.recovery import layout
from nexus.recovery.backups.manifest import BackupManifest
from nexus.recovery.drilling.scenarios import SCENARIOS
from nexus.recovery.errors import PlaceError, RecoveryError
from nexus.recovery.places import Entry, Place
from nexus.recovery.repository import Repository
from nexus.recovery.restoring.rates import read_rates
from nexus.recovery.sealing.keyring import kit_mark
from nexus.recovery.streaming import belonging
from nexus.recovery.streaming.status import read_status
from nexus.stack.recovering import LOCAL, DirectoryPlace

WITHIN = 20.0  # seconds for one question to a place
GROWTH_OVER = 7 * 86_400.0  # seconds
WHATS = (
    *("full", "incremental", "verify", "prune", "restore", "drill"),
    *(f"{SCENARIO}{name}" for name in SCENARIOS),
)


@dataclass
class Looker:
    """Looks at one stack's recovery. It remembers what cannot change: manifests; and what is costly for as
    long as `every` seconds, by a clock that nobody puts back: what other places hold, and whether they
    answer. With 0 it always asks.
    """

    desk: Desk
    runs: Runs
    every: float = 0.0
    standby: Callable[[], Mapping[str, Any] | None] = lambda: None
    _manifests: dict[str, BackupManifest] = field(default_factory=dict)
    _places: dict[str, tuple[float, PlaceFacts]] = field(default_factory=dict)
    _system: tuple[float, str] = (0.0, "")
    _growth: tuple[float, float | None] = (0.0, None)

    async def facts(self, repository: Repository) -> RecoveryFacts:
        """All that is known now."""
        now, desk, tick = time.time(), self.desk, time.monotonic()
        rates_file = desk.home.root / "recovery" / "rates.json"
        stream = await asyncio.to_thread(read_status, desk.home)
        answered = "" if stream is not None and stream.alive else await self._read_system(tick)
        system = stream.system if stream is not None and stream.system else answered
        serving = bool(answered) or (stream is not None and stream.alive)
        places = await asyncio.gather(
            *(
                self._place(place, behind(stream, place.name, now, serving), tick, system, repository.scratch)
                for place in repository.places
            )
        )
        ids = sorted({each for place in places for each in place.backups})
        backups, unreadable = await self._backups(repository, ids)
        return RecoveryFacts(
            now,
            desk.policy,
            tuple(places),
            backups,
            unreadable,
            stream,
            wal_behind(stream, next((b for b in reversed(backups) if b.system == system), None)),
            read_rates(rates_file),
            rates_file.stat().st_mtime if rates_file.exists() else None,
            places[0].free,
            await self._growing(repository.first, now, tick),
            kit.made if (kit := kit_mark(desk.home)) else None,
            self._latest(),
            system,
            serving,
            tuple(run for run in self.runs.verdicts() if run.state == "failed" and run.backup in ids),
            self.standby(),
        )

    async def _place(
        self, place: Place, behind: float | None, tick: float, system: str, scratch: Path
    ) -> PlaceFacts:
        kept = self._places.get(place.name)
        if kept is not None and place.name != LOCAL and tick - kept[0] < self.every:
            return replace(kept[1], behind=behind)
        found = await _look_at(place, self._kind(place.name), place.name != LOCAL or not self.every)
        if system and not found.trouble:
            found = replace(found, trouble=await _foreign(place, system, scratch))
        if found.trouble and kept is not None:  # what it had is not gone because it does not answer
            found = replace(found, backups=kept[1].backups)
        found = replace(found, same_disk=await asyncio.to_thread(self._same_disk, place.name))
        self._places[place.name] = (tick, found)
        return replace(found, behind=behind)

    async def _read_system(self, tick: float) -> str:
        """Which cluster it is, as the database says; "" while it does not answer."""
        if self._system[1] and tick - self._system[0] < self.every:
            return self._system[1]
        self._system = (tick, await self.desk.system())
        return self._system[1]

    def _kind(self, name: str) -> str:
        manifest = self.desk.policy.places.get(name)
        return manifest.kind if manifest else "directory"

    def _same_disk(self, name: str) -> bool:
        """Whether a place is a folder on the disk of the stack's own state."""
        manifest = self.desk.policy.places.get(name)
        if not isinstance(manifest, DirectoryPlace):
            return False
        folder = self.desk.stack.root / manifest.path
        there = next(each for each in (folder, *folder.parents) if each.exists())
        return there.stat().st_dev == self.desk.home.root.stat().st_dev

    async def _backups(
        self, repository: Repository, ids: Sequence[str]
    ) -> tuple[tuple[BackupManifest, ...], dict[str, str]]:
        unreadable: dict[str, str] = {}
        for name in ids:
            if name not in self._manifests:
                try:
                    self._manifests[name] = await repository.backup(name)
                except RecoveryError as error:
                    unreadable[name] = str(error)
        return tuple(self._manifests[each] for each in ids if each in self._manifests), unreadable

    async def _growing(self, place: Place, now: float, tick: float) -> float | None:
        """Bytes a day that the first place grows by: what came less what was pruned."""
        if self._growth[0] and tick - self._growth[0] < self.every:
            return self._growth[1]
        try:
            entries = await place.entries()
        except PlaceError:
            return None
        since = now - GROWTH_OVER
        pruned = sum(run.bytes for run in self.runs.latest("prune", count=200) if run.began > since)
        self._growth = (tick, growth(entries, pruned, now))
        return self._growth[1]

    def _latest(self) -> tuple[Run, ...]:
        found: dict[int, Run] = {}
        for what in WHATS:
            newest = (*self.runs.latest(what, count=20), *self.runs.latest(what, state="done"))
            found |= {run.id: run for run in newest}
        return tuple(sorted(found.values(), key=lambda run: -run.id))


def growth(entries: Sequence[Entry], pruned: int, now: float) -> float | None:
    """Bytes a day, of the last days; None while there is less than a day to judge by. Pure."""
    oldest = min((each.modified for each in entries), default=now)
    span = min(GROWTH_OVER, now - oldest)
    if span < 86_400.0:
        return None
    came = sum(each.bytes for each in entries if each.modified > now - span)
    return (came - pruned) / span * 86_400.0


async def _foreign(place: Place, system: str, scratch: Path) -> str:
    """Why a place is no good for this cluster; "" where it is."""
    try:
        async with asyncio.timeout(WITHIN):
            await belonging.check(place, system, scratch)
    except TimeoutError:
        return f"it did not answer within {WITHIN:.0f} s"
    except RecoveryError as error:
        return str(error)
    return ""


async def _look_at(place: Place, kind: str, check: bool) -> PlaceFacts:
    try:
        async with asyncio.timeout(WITHIN):
            if check:
                await place.check()
            entries = await place.entries(layout.BACKUPS)
            free = await place.free()
    except TimeoutError:
        return PlaceFacts(place.name, kind, trouble=f"it did not answer within {WITHIN:.0f} s")
    except PlaceError as error:
        return PlaceFacts(place.name, kind, trouble=str(error))
    return PlaceFacts(place.name, kind, whole(entries), free=free)


def whole(entries: Sequence[Entry]) -> tuple[str, ...]:
    """The backups that are whole by these files of a place. Pure."""
    keys = {each.key for each in entries}
    names = {key.split("/")[1] for key in keys if key.count("/") > 1}
    return tuple(sorted(name for name in names if layout.manifest(name) in keys))
