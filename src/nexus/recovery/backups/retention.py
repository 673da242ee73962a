"""What is deleted of backups, of WAL and of artefacts, where, and why.

Each place is looked at by itself: nothing goes there before what makes it superfluous is there, too. Pure:
`plan_prune` says what goes and why, `doomed` which keys of a place a step of the plan means.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from nexus.plans import Plan, Step
from nexus.recovery import layout, lsn
from nexus.recovery.backups.artefacts import folder_of
from nexus.recovery.backups.generations import kept
from nexus.recovery.backups.manifest import BackupManifest
from nexus.stack.recovering import Keep

BACKUP, WAL, ARTEFACT = "forget-backup", "forget-wal", "forget-artefact"


def plan_prune(
    stack: str,
    backups: Sequence[BackupManifest],
    keep: Keep,
    zone: str,
    places: Mapping[str, Collection[str]],
    proven: str | None = None,
    unread: Collection[str] = (),
    damaged: Collection[str] = (),
) -> Plan:
    """What is deleted, where, and why. `places`: place → all keys that it has, the first one first: what that
    one keeps stays elsewhere, too. `unread`: backups whose manifest could not be read: they stay, and with
    them all older ones, WAL and artefacts, for nobody knows what they need. Pure.
    """
    wanted = _staying(backups, keep, zone, proven, damaged)  # whatever of them is where
    stays = {
        place: _staying(_whole(backups, keys), keep, zone, proven, damaged) for place, keys in places.items()
    }
    needed = {each.id for each in (*wanted, *next(iter(stays.values()), []))}
    newest_unread = max(unread, default="")
    here = ZoneInfo(zone)
    steps: list[Step] = []
    for each in sorted(backups, key=lambda each: each.id, reverse=True):  # what builds on another goes first
        gone = [
            place
            for place, keys in places.items()
            if each.id > newest_unread and each.id not in needed and each not in stays[place]
            if _begun(each, keys)
        ]
        if gone:
            cause = (
                f"of {datetime.fromtimestamp(each.began, here):%Y-%m-%d %H:%M}; it is the newest of no hour, "
                "day, week or month that recovery.keep keeps, and none that stays builds on it"
            )
            does = f"delete it in {_where(gone, places)} ({each.size / 1e6:.1f} MB)"
            steps.append(Step(each.id, BACKUP, each.id, cause, does, arguments=_in(gone)))
    notes: tuple[str, ...] = ()
    if unread:
        told = ", ".join(sorted(unread))
        notes = (f"WAL and all older backups stay, for these backups cannot be read: {told}",)
    else:
        after = tuple(step.id for step in steps)
        steps += _wal_steps(stays, wanted, places, after)
        every = [*wanted, *(each for found in stays.values() for each in found)]
        steps += _artefact_steps(every, places, after)
    return Plan(f"prune the backups of {stack}", tuple(steps), notes)


def doomed(step: Step, place: str, keys: Iterable[str]) -> tuple[str, ...]:
    """The keys that a step of the plan deletes in a place, of those there are. Pure."""
    if place not in step.arguments["places"].split(", "):
        return ()
    if step.action == BACKUP:
        return tuple(key for key in keys if key.startswith(layout.folder(step.target)))
    if step.action == WAL:
        return tuple(key for key in keys if _before(key, step.target))
    return tuple(key for key in keys if folder_of(key) == step.target)


def _staying(
    backups: Sequence[BackupManifest], keep: Keep, zone: str, proven: str | None, damaged: Collection[str]
) -> list[BackupManifest]:
    names = {each.backup for each in kept(backups, keep, zone, proven, damaged)}
    return [each for each in backups if each.id in names]


def _whole(backups: Sequence[BackupManifest], keys: Collection[str]) -> list[BackupManifest]:
    """The backups that a place has with all that they build on."""
    there = set(keys)
    found: dict[str, BackupManifest] = {}
    for each in sorted(backups, key=lambda each: each.id):
        complete = layout.manifest(each.id) in there and all(one.key in there for one in each.stored)
        if complete and (each.parent is None or each.parent in found):
            found[each.id] = each
    return list(found.values())


def _begun(backup: BackupManifest, keys: Collection[str]) -> bool:
    """Whether a place has something of a backup."""
    return any(key.startswith(layout.folder(backup.id)) for key in keys)


def _where(names: Sequence[str], places: Mapping[str, object]) -> str:
    return "every place" if len(names) == len(places) else ", ".join(names)


def _in(names: Iterable[str]) -> dict[str, str]:
    return {"places": ", ".join(names)}


def _wal_steps(
    stays: Mapping[str, Sequence[BackupManifest]],
    wanted: Sequence[BackupManifest],
    places: Mapping[str, Collection[str]],
    after: tuple[str, ...],
) -> list[Step]:
    """WAL from before every backup that stays, by timeline. Where no backup is whole, none goes.

    A timeline's WAL is needed from the first of the backups on that were taken on it or on an earlier one:
    they may lead there. Where all that stay are of later timelines, they have left it behind: all of it goes.
    """
    found: dict[str, tuple[str, list[str], int]] = {}
    coming = [*wanted, *next(iter(stays.values()), [])]  # what is elsewhere may be on its way here
    for place, own in stays.items():
        names = {name for key in places[place] if (name := _segment(key))}
        for timeline in sorted({name[:8] for name in names}) if own else ():
            needed = [each for each in (*own, *coming) if each.timeline <= int(timeline, 16)]
            target, why = timeline, "all backups that stay are of later timelines"
            if needed:
                oldest = min(needed, key=lambda each: lsn.parse(each.start_lsn))
                target = lsn.segment(int(timeline, 16), lsn.parse(oldest.start_lsn), oldest.segment)
                why = f"the oldest backup that stays, {oldest.id}, begins in segment {target}"
            if count := sum(_before(key, target) for key in places[place]):
                _, where, most = found.get(target, ("", [], 0))
                found[target] = (why, [*where, place], max(count, most))
    return [
        Step(
            f"wal {target}",
            WAL,
            target,
            why,
            f"delete the WAL {'before it' if len(target) > 8 else f'of timeline {int(target, 16)}'} in "
            f"{_where(where, places)} ({count} files)",
            after=after,
            arguments=_in(where),
        )
        for target, (why, where, count) in sorted(found.items())
    ]


def _artefact_steps(
    stays: Sequence[BackupManifest], places: Mapping[str, Collection[str]], after: tuple[str, ...]
) -> list[Step]:
    needed = {folder_of(piece.key) for each in stays for piece in each.home}
    there: dict[str, list[str]] = {}
    for place, keys in places.items():
        for name in sorted({name for key in keys if (name := folder_of(key)) and name not in needed}):
            there.setdefault(name, []).append(place)
    return [
        Step(
            f"artefact {name}",
            ARTEFACT,
            name,
            "no backup that stays names it",
            f"delete it in {_where(where, places)}",
            after=after,
            arguments=_in(where),
        )
        for name, where in sorted(there.items())
    ]


def _segment(key: str) -> str | None:
    """The segment of WAL that a key has all or some bytes of."""
    chunk = layout.chunk_of(key)
    return layout.segment_of(key) or (chunk.segment if chunk else None)


def _before(key: str, first: str) -> bool:
    """Whether a key holds WAL of a timeline before its segment `first`; where that names a timeline alone,
    whether it is of that.
    """
    name = _segment(key)
    return name is not None and name[:8] == first[:8] and (len(first) == 8 or name < first)
