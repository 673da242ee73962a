"""Which place and which backup are drilled, and how long that takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nexus.control.addresses import Refused
from nexus.control.recovering.desk import Desk
from nexus.control.recovering.reading import behind
from nexus.control.restoring.engine import rates_of
from nexus.recovery.backups.manifest import BackupManifest
from nexus.recovery.backups.totals_files import TotalsError, load_totals
from nexus.recovery.drilling.records import Record
from nexus.recovery.errors import Damaged, Missing, RecoveryError, WrongKey
from nexus.recovery.places import Place
from nexus.recovery.repository import Repository
from nexus.recovery.restoring.choose import choose
from nexus.recovery.restoring.rates import read_rates
from nexus.recovery.restoring.target import Target
from nexus.recovery.streaming.status import read_status
from nexus.stack import Stack
from nexus.stack.recovering import LOCAL


@dataclass(frozen=True)
class Subject:
    """`place`: what is restored from; `backup`: the newest there; `counted`: the newest whose numbers of the
    business belong to an exact place in the WAL; `seconds`: as expected; `rpo`: how much the place lacked.
    """

    place: str
    backup: BackupManifest
    counted: BackupManifest | None
    seconds: float
    bytes: int
    rpo: float | None
    room: int


def check_place(desk: Desk, place: str) -> None:
    """Raises Refused when an operator names a place that there is not."""
    names = (LOCAL, *desk.policy.places)
    if place and place not in names:
        raise Refused(f"no place {place!r} is known; there are: {', '.join(names)}")


async def chosen(desk: Desk, last: Record | None, now: float, place: str = "") -> Subject:
    """What will be drilled. `last`: the drill before; `place`: the one that an operator names, "" = the other
    one than last time; `now` in seconds since the epoch.

    Raises:
        Refused: nothing in it leads anywhere.
    """
    try:
        async with desk.repository() as repository:
            names = [each.name for each in repository.places]
            name = place or next_place(names, last.place if last else "")
            picked = next(each for each in repository.places if each.name == name)
            return await _in(desk, repository, picked, now)
    except RecoveryError as error:
        raise Refused(str(error)) from error


def next_place(names: Sequence[str], before: str) -> str:
    """The place to restore from, `before` having been the one last time: all in turn, the places beside the
    machine first. Pure.
    """
    order = [*names[1:], names[0]]
    return order[(order.index(before) + 1) % len(order)] if before in order else order[0]


def has_totals(stack: Stack) -> bool:
    """Whether the stack counts its business. Raises Refused where a file of it is wrong."""
    try:
        return any(not each.since for each in load_totals(stack))
    except TotalsError as error:
        raise Refused(str(error)) from error


async def _in(desk: Desk, repository: Repository, place: Place, now: float) -> Subject:
    alone = Repository((place,), repository.keys, repository.scratch)
    stream = read_status(desk.home)
    timeline = stream.timeline if stream is not None and stream.timeline else None
    choice = await choose(alone, Target("latest", timeline=timeline), zone=desk.policy.schedule.zone)
    counted = await newest_counted(alone)
    expected = read_rates(rates_of(desk.home)).seconds(choice)
    rpo = behind(stream, place.name, now)
    return Subject(place.name, choice.backup, counted, expected, choice.bytes, rpo, choice.room)


async def newest_counted(repository: Repository) -> BackupManifest | None:
    """The newest backup whose numbers of the business belong to an exact place in the WAL. One that cannot be
    read is passed over, as a restore does: those made before a recovery kit are not opened by its key.
    """
    for name in reversed(await repository.ids()):
        try:
            manifest = await repository.backup(name)
        except (Damaged, Missing, WrongKey):
            continue
        if manifest.totals is not None and manifest.totals.exact and manifest.totals.totals:
            return manifest
    return None
