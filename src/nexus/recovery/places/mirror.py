"""The mirror: what the first place has comes into another one, as it appears, for as long as it takes.

A place that is away is asked again after 1, 2, 4 … 60 seconds; nothing waits for it, nothing is lost: what it
lacks is known from listings, so that a mirror that was killed goes on. It never deletes what retention has
not deleted, but chunks of a segment whose bytes another file has that is there: the whole, or a larger chunk.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable
from pathlib import Path

from nexus.recovery.errors import Conflict, Locked, Missing, RecoveryError
from nexus.recovery.layout import WAL, chunk_of, segment_of
from nexus.recovery.places.backlog import LANES, Backlog, Lane
from nexus.recovery.places.digest import digest_of
from nexus.recovery.places.mirror_status import MirrorStatus, Trouble
from nexus.recovery.places.pace import Pace
from nexus.recovery.places.place import Entry, Place, Tended
from nexus.recovery.places.transit import Transit, fetch

LOG = logging.getLogger(__name__)
RELIST, RESCAN = 3600.0, 5.0  # seconds between listings of the target, of the source
WAL_RELIST = 300.0  # seconds between listings of the target's WAL
TIDY_EVERY = 30.0  # seconds
EFFORT = 50  # times as long as a listing of the source takes, the next one waits at least
TIDIED = 1000  # chunks that are dropped at once
_CHANGED = (
    "place {place}: {key} is no longer what was stored there (is its disk failing?); it is copied nowhere"
)
FIRST = 1.0  # seconds until a place that failed is asked again


class Mirror:
    """Of `source`, into `target`. `scratch`: a folder for what is on its way. `rate`: bytes per second that
    backups may take of the line; WAL is counted and does not wait.
    """

    def __init__(
        self,
        source: Place,
        target: Place,
        scratch: Path,
        rate: float | None = None,
        rescan: float = RESCAN,
        first: float = FIRST,
        relist: float = WAL_RELIST,
    ) -> None:
        self._source = source
        self._target = target
        self._transit = Transit(scratch)
        self._rescan, self._relist, self._first = rescan, relist, first
        shared = Pace(rate)
        self._paces: dict[Lane, Pace] = {"wal": shared.urgent(), "rest": shared}
        self._backlog = Backlog()
        self._looking = asyncio.Lock()
        self._news = {name: asyncio.Event() for name in LANES}
        self._list_at = self._scan_at = self._tidied = 0.0  # when each is due; when it was
        self._tidy_at = 0.0  # seconds since the epoch, as locks are told
        self._damaged: set[str] = set()
        self._troubles: dict[Lane, Trouble] = {}
        self._known, self._copied = False, 0

    def notice(self, entries: Iterable[Entry]) -> None:
        """Tells of files that just came into the source: they are copied at once, not after the next scan."""
        if self._backlog.seen(entries):
            self._wake()

    def lacking(self, prefix: str = "") -> tuple[Entry, ...]:
        """What the target lacks below a prefix, as far as it is known, in the order in which it comes."""
        return self._backlog.lacking(prefix)

    def there(self, prefix: str = "") -> tuple[str, ...]:
        """What the target has below a prefix, as far as it is known."""
        return self._backlog.there(prefix)

    @property
    def damaged(self) -> tuple[str, ...]:
        """Files of the source that are not what was noticed; they are not copied."""
        return tuple(self._damaged & self._backlog.refused.keys())

    def retry(self, key: str) -> None:
        """Tells that a file of the source is intact again."""
        self._backlog.retry(key)
        self._wake()

    def status(self) -> MirrorStatus:
        """How far it is."""
        return MirrorStatus.of(self._backlog, self._known, self._troubles, self._copied)

    async def run(self) -> None:
        """Mirrors until it is cancelled."""
        async with asyncio.TaskGroup() as lanes:
            for name in LANES:
                lanes.create_task(self._keep(name))
            lanes.create_task(self._audit())

    async def catch_up(self) -> None:
        """Copies all that is lacking now.

        Raises:
            Conflict: something could not be copied; the rest was.
            RecoveryError: a place cannot be used; what was copied stays.
        """
        self._scan_at = 0.0
        await self._look()
        for name in LANES:
            while await self._step(name):
                continue
        if refused := self._backlog.refused:
            raise Conflict("; ".join(refused.values()))

    async def _keep(self, name: Lane) -> None:
        """One lane, through all outages."""
        while True:
            try:
                await self._look()
                if not await self._step(name):
                    await self._rest(name)
            except RecoveryError as error:
                await self._stumble(name, error)
            except OSError as error:  # of this machine: the scratch folder's disk
                await self._stumble(
                    name, RecoveryError(f"{self._transit.scratch}: {error.strerror or error}")
                )

    async def _look(self) -> None:
        """Lists what is due: the target at the start, after errors and each hour; the source more often, and
        while the target is away too, so that it is known what it lacks.
        """
        async with self._looking:
            listed = time.monotonic() >= self._list_at
            try:
                if listed:
                    await self._list()
            finally:
                if listed or time.monotonic() >= self._scan_at:
                    await self._scan()
        if listed:
            await self._tidy()
            await self._tend()

    async def _list(self) -> None:
        await asyncio.to_thread(self._transit.sweep)
        self._backlog.listing()
        self._backlog.listed(await self._target.entries())
        self._known = True
        self._list_at = time.monotonic() + RELIST

    async def _audit(self) -> None:
        """Lists the target's WAL, beside what is copied: what is lost there is to be known soon."""
        while True:
            await asyncio.sleep(self._relist)
            if not self._known or self._troubles:
                continue
            try:
                self._backlog.listing()
                self._backlog.listed(await self._target.entries(WAL), WAL)
                self._scan_at = 0.0
                self._wake()
            except RecoveryError as error:  # the lanes meet it too, and tell it
                LOG.info("%s", error)

    async def _tend(self) -> None:
        if isinstance(self._target, Tended):
            there = set(self._backlog.there())
            await self._target.tend(
                [entry.key for entry in await self._source.entries() if entry.key in there]
            )

    async def _scan(self) -> None:
        began, before = time.monotonic(), self._backlog.keys()
        found = await self._source.entries()
        self._backlog.gone(before - {entry.key for entry in found})
        if self._backlog.seen(found):
            self._wake()
        now = time.monotonic()
        self._scan_at = now + max(self._rescan, EFFORT * (now - began))

    async def _step(self, name: Lane) -> bool:
        """Copies the next file of a lane; whether there was one."""
        entry = self._backlog.next(name)
        if entry is None:
            self._troubles.pop(name, None)
            return False
        with self._transit.folder() as folder:
            file = folder / "file"
            try:
                await fetch(self._source, entry.key, file)
            except Missing:  # retention dropped it, or it is a chunk whose segment is whole now
                self._backlog.gone((entry.key,))
                return True
            if entry.sha256 and await asyncio.to_thread(digest_of, file) != entry.sha256:
                said = _CHANGED.format(place=self._source.name, key=entry.key)
                LOG.error("%s", said)
                self._damaged.add(entry.key)
                self._backlog.refuse(entry.key, said)
                return True
            try:
                await self._target.put(entry.key, file, self._paces[name])
            except Conflict as error:
                LOG.error("%s", error)
                self._backlog.refuse(entry.key, str(error))
                return True
        self._backlog.copied(entry)
        self._troubles.pop(name, None)
        self._copied += 1
        if segment_of(entry.key) or (chunk_of(entry.key) and time.monotonic() > self._tidied + TIDY_EVERY):
            await self._tidy()
        return True

    async def _tidy(self) -> None:
        """Drops chunks of the target that are superfluous; once one is locked, not before its time."""
        self._tidied = time.monotonic()
        chunks = self._backlog.superseded()[:TIDIED]
        if not chunks or time.time() < self._tidy_at:
            return
        try:
            await self._target.delete(chunks)
            self._backlog.forgotten(chunks)
        except Locked as error:
            self._backlog.forgotten(set(chunks) - error.until.keys())
            times = [until for until in error.until.values() if until is not None]
            self._tidy_at = min(times, default=time.time() + RELIST)

    async def _stumble(self, name: Lane, error: RecoveryError) -> None:
        """Notes a trouble and waits; the target is listed again before anything else."""
        trouble = self._troubles.get(name)
        self._troubles[name] = trouble.again(str(error)) if trouble else Trouble.new(str(error))
        if trouble is None:
            LOG.warning("%s", error)
        self._list_at = 0.0
        await asyncio.sleep(self._troubles[name].pause(self._first))

    async def _rest(self, name: Lane) -> None:
        """Waits for news, at most until the source is to be scanned again."""
        try:
            async with asyncio.timeout(self._rescan):
                await self._news[name].wait()
        except TimeoutError:
            return
        self._news[name].clear()

    def _wake(self) -> None:
        for each in self._news.values():
            each.set()
