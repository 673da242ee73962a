"""Backups and WAL of one stack: what leads to a wish, and the restore of it into a folder."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from nexus.control.addresses import Refused
from nexus.control.migrating.sources import server_of
from nexus.control.restoring.begun import Begun, new_stamp
from nexus.control.restoring.requests import Wish
from nexus.control.secrets import ADMIN_URL
from nexus.migrations.rehearsing.sentence import Say
from nexus.recovery import lsn
from nexus.recovery.backups.turn import reading
from nexus.recovery.errors import RecoveryError
from nexus.recovery.places.opening import open_places
from nexus.recovery.repository import Repository
from nexus.recovery.restoring.choice import Choice, both
from nexus.recovery.restoring.choose import choose
from nexus.recovery.restoring.restore import restore
from nexus.recovery.restoring.target import Known, Reached, Target
from nexus.recovery.sealing import Keys, recipient_of
from nexus.recovery.sealing.keyring import load_keys
from nexus.recovery.streaming.status import StreamStatus, read_status
from nexus.runtimes.home import Home
from nexus.stack import Stack

SEALED_WITHIN = 5.0  # seconds
POLL = 0.2


@dataclass(frozen=True)
class Engine:
    """`zone`: on whose clock times are told. `say` is told what happens. `url`: of the living database, for
    its superuser; None where there is none.
    """

    home: Home
    repository: Repository
    zone: str
    say: Say
    url: str | None = field(default=None, repr=False)

    async def choose(self, wish: Wish) -> Choice:
        """What leads there.

        Raises:
            Refused: nothing does; says what can be reached instead, or what is wrong.
        """
        try:
            return await self._choose(target_of(wish))
        except RecoveryError as error:
            raise Refused(str(error)) from error

    async def choose_exact(self, target: Target) -> Choice:
        """What leads to what was chosen before, and what lies behind it by now. Raises RecoveryError."""
        return await self._choose(target)

    async def restore(self, begun: Begun, data: Path) -> Reached:
        """Restores what was chosen into a folder; the latest state is chosen anew.

        Raises:
            RecoveryError: it cannot be restored; nothing is left.
        """
        target = target_of(begun.wish) if begun.wish.kind == "latest" else begun.target
        choice = await self._choose(target)
        return await restore(choice, self.repository, data, self.say, rates_of(self.home))

    async def _choose(self, target: Target) -> Choice:
        """On the timeline that the stream follows: one that was left is not the present, whatever its number;
        and as late as the stream knows that all was committed.
        """
        stream = read_status(self.home)
        if target.kind == "time" and target.at is not None:
            stream = await self._sealed(stream, target.at)
        if stream is not None and target.timeline is None and target.kind != "backup" and stream.timeline:
            target = replace(target, timeline=stream.timeline)
        known = known_of(stream)
        return await choose(self.repository, target, zone=self.zone, known=known, url=self.url)

    async def _sealed(self, stream: StreamStatus | None, at: float) -> StreamStatus | None:
        """The status once all that the server had written by a moment is archived: a second or so."""
        give_up = asyncio.get_running_loop().time() + SEALED_WITHIN
        while stream is not None and stream.alive and stream.server_lsn and stream.sealed_lsn:
            heard = stream.server_at is not None and stream.server_at >= at
            if heard and lsn.parse(stream.sealed_lsn) >= lsn.parse(stream.server_lsn):
                break
            if asyncio.get_running_loop().time() > give_up:
                break
            await asyncio.sleep(POLL)
            stream = read_status(self.home)
        return stream


@asynccontextmanager
async def opened(stack: Stack, home: Home, say: Say, place: str = "", key: str = "") -> AsyncIterator[Engine]:
    """The backups of a stack, in all its places or in one of them; opened with its own key, or with `key`.
    Nothing is pruned meanwhile.

    Raises:
        Refused: there is no such place, or no key.
    """
    try:
        keys = keys_of(key) if key else load_keys(home)
        places = open_places(stack, home)
    except RecoveryError as error:
        raise Refused(str(error)) from error
    try:
        chosen = tuple(each for each in places if place in ("", each.name))
        if not chosen:
            known = ", ".join(each.name for each in places)
            raise Refused(f"no place {place!r} is known; there are: {known}")
        repository = Repository(chosen, keys, home.root / "recovery" / "scratch")
        async with reading(home.root / "recovery", "a restore"):
            yield Engine(home, repository, stack.recovery.schedule.zone, say, url_of(stack, home))
    finally:
        for each in places:
            await each.close()


def rates_of(home: Home) -> Path:
    """Where it is noted how fast restores are here."""
    return home.root / "recovery" / "rates.json"


def keys_of(identity: str) -> Keys:
    """A key that somebody gives. Raises WrongKey when it is none."""
    return Keys((recipient_of(identity),), identity.strip())


def url_of(stack: Stack, home: Home) -> str | None:
    """The superuser's address of the living database; None where none was ever made."""
    try:
        return home.secret(server_of(stack).secrets_folder, ADMIN_URL).read_text().strip()
    except OSError:
        return None


def known_of(stream: StreamStatus | None) -> Known | None:
    """What the stream knows of the living database: at which moment it had written how much. Pure."""
    if stream is None or not stream.alive or not stream.timeline:
        return None
    if stream.server_lsn is None or stream.server_at is None:
        return None
    return Known(stream.server_at, stream.timeline, lsn.parse(stream.server_lsn))


def target_of(wish: Wish) -> Target:
    """A wish as the restore knows it. Pure."""
    return Target(wish.kind, wish.at, wish.name, timeline=wish.timeline)


def after(begun: Begun, reached: Reached, zone: str) -> Begun:
    """The same, with what was reached: the latest state is what was archived since it was planned. Pure."""
    if begun.wish.kind != "latest":
        return replace(begun, at=reached.at)
    place = f"({reached.lsn})"
    told = f"{both(reached.at, zone)} {place}" if reached.at is not None else f"{reached.lsn}"
    return replace(begun, at=reached.at, reaches=told)


def begin(wish: Wish, choice: Choice, zone: str, now: float, minutes: float) -> Begun:
    """What is chosen, as it is noted. `now` in seconds since the epoch; `minutes` as expected. Pure."""
    return Begun(
        stamp=new_stamp(now),
        wish=wish,
        target=choice.exact,
        backup=choice.backup.id,
        reaches=choice.reaches(zone),
        at=choice.at,
        minutes=minutes,
        bytes=choice.bytes,
        notes=tuple(map(str, choice.notes)),
    )
