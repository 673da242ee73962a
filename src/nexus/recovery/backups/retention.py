"""How long backups stay: the newest of each of so many hours, days, weeks and months (GFS), and what those
build on.

Pure: `plan_prune` says what goes and why, `doomed` which keys each step of the plan means.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from nexus.plans import Plan, Step
from nexus.recovery import layout, lsn
from nexus.recovery.backups.artefacts import folder_of
from nexus.recovery.backups.manifest import BackupManifest
from nexus.stack.recovering import Keep

BACKUP, WAL, ARTEFACT = "forget-backup", "forget-wal", "forget-artefact"
Bucket = Callable[[datetime], tuple[int, ...]]


def _hour(at: datetime) -> tuple[int, ...]:
    """Two hours that the clock shows twice are two."""
    offset = at.utcoffset()
    return (at.year, at.month, at.day, at.hour, int(offset.total_seconds()) if offset else 0)


_BUCKETS: Mapping[str, Bucket] = {
    "hourly": _hour,
    "daily": lambda at: (at.year, at.month, at.day),
    "weekly": lambda at: tuple(at.isocalendar()[:2]),
    "monthly": lambda at: (at.year, at.month),
}


@dataclass(frozen=True)
class Kept:
    """Why a backup stays: "hourly", "daily" …; "newest"; "proven"; or "needed by ID"."""

    backup: str
    why: tuple[str, ...]


def kept(
    backups: Sequence[BackupManifest],
    keep: Keep,
    zone: str,
    proven: str | None = None,
    damaged: Collection[str] = (),
) -> tuple[Kept, ...]:
    """What stays, newest first. `proven`: the backup that was last restored and found good: it stays, however
    old. The newest one of each cluster, and the newest full one, always stay. `damaged`: those that were
    found so: they stay as all do, and what would stay without them does, too. Pure.
    """
    why: dict[str, list[str]] = {}
    ordered = sorted(backups, key=lambda each: each.id, reverse=True)
    here = ZoneInfo(zone)
    bad = _built_on(backups, damaged)
    good = [each for each in ordered if each.id not in bad]
    for name, bucket in _BUCKETS.items():
        picked = _newest_of(ordered, bucket, getattr(keep, name), here)
        for newest in picked | _newest_of(good, bucket, getattr(keep, name), here):
            why.setdefault(newest, []).append(name)
    for newest in _newest(ordered) | _newest(good):
        why.setdefault(newest, []).append("newest")
    if proven is not None and any(each.id == proven for each in ordered):
        why.setdefault(proven, []).append("proven")
    by_id = {each.id: each for each in ordered}
    for each in ordered:  # newest first: what needs a backup is looked at before it
        if each.id in why and each.parent in by_id:
            reasons = why.setdefault(each.parent, [])
            if not reasons:
                reasons.append(f"needed by {each.id}")
    return tuple(Kept(each.id, tuple(why[each.id])) for each in ordered if each.id in why)


def plan_prune(
    stack: str,
    backups: Sequence[BackupManifest],
    keep: Keep,
    zone: str,
    keys: Iterable[str],
    proven: str | None = None,
    unread: Collection[str] = (),
    damaged: Collection[str] = (),
) -> Plan:
    """What is deleted, and why. `keys`: all that is stored, in any place; `unread`: backups whose manifest
    could not be read: they stay, and with them WAL and artefacts, for nobody knows what they need. `damaged`:
    those in which the last verification found a fault. Pure.
    """
    keys = tuple(keys)
    stays = {each.backup for each in kept(backups, keep, zone, proven, damaged)}
    gone = [each for each in sorted(backups, key=lambda each: each.id) if each.id not in stays]
    here = ZoneInfo(zone)
    steps = [
        Step(
            each.id,
            BACKUP,
            each.id,
            f"of {datetime.fromtimestamp(each.began, here):%Y-%m-%d %H:%M}; it is the newest of no hour, "
            "day, week or month that recovery.keep keeps, and none that stays builds on it",
            f"delete it in every place ({each.size / 1e6:.1f} MB)",
        )
        for each in reversed(gone)  # what builds on another goes before it
    ]
    notes: tuple[str, ...] = ()
    if unread:
        notes = (f"WAL stays, for these backups cannot be read: {', '.join(sorted(unread))}",)
    else:
        after = tuple(step.id for step in steps)
        steps += _wal_steps([each for each in backups if each.id in stays], keys, after)
        steps += _artefact_steps([each for each in backups if each.id in stays], keys, after)
    return Plan(f"prune the backups of {stack}", tuple(steps), notes)


def doomed(step: Step, keys: Iterable[str]) -> tuple[str, ...]:
    """The keys that a step of the plan deletes, of those there are. Pure."""
    if step.action == BACKUP:
        return tuple(key for key in keys if key.startswith(layout.folder(step.target)))
    if step.action == WAL:
        return tuple(key for key in keys if _before(key, step.target))
    return tuple(key for key in keys if folder_of(key) == step.target)


def _newest_of(ordered: Sequence[BackupManifest], bucket: Bucket, count: int, here: ZoneInfo) -> set[str]:
    """The newest backup of each of so many hours, days, weeks or months. `ordered`: newest first."""
    found: dict[tuple[int, ...], str] = {}
    for each in ordered:
        at = bucket(datetime.fromtimestamp(each.began, here))
        if at not in found and len(found) < count:
            found[at] = each.id
    return set(found.values())


def _built_on(backups: Sequence[BackupManifest], damaged: Collection[str]) -> set[str]:
    """The damaged ones, and whatever builds on them."""
    found = set(damaged)
    for each in sorted(
        backups, key=lambda each: each.id
    ):  # oldest first: what another builds on is before it
        if each.parent in found:
            found.add(each.id)
    return found


def _newest(ordered: Sequence[BackupManifest]) -> set[str]:
    """Of each cluster the newest backup, and the newest full one. `ordered`: newest first."""
    found: dict[tuple[str, bool], str] = {}
    for each in ordered:
        found.setdefault((each.system, False), each.id)
        if each.kind == "full":
            found.setdefault((each.system, True), each.id)
    return set(found.values())


def _wal_steps(stays: Sequence[BackupManifest], keys: Sequence[str], after: tuple[str, ...]) -> list[Step]:
    """WAL from before the start of every backup that stays. Without a backup none goes."""
    if not stays:
        return []
    oldest = min(stays, key=lambda each: (each.timeline, lsn.parse(each.start_lsn)))
    first = lsn.segment(oldest.timeline, lsn.parse(oldest.start_lsn), oldest.segment)
    count = sum(_before(key, first) for key in keys)
    if not count:
        return []
    cause = f"the oldest backup that stays, {oldest.id}, begins in segment {first}"
    does = f"delete the WAL before it in every place ({count} files)"
    return [Step("wal", WAL, first, cause, does, after=after)]


def _artefact_steps(
    stays: Sequence[BackupManifest], keys: Sequence[str], after: tuple[str, ...]
) -> list[Step]:
    needed = {folder_of(piece.key) for each in stays for piece in each.home}
    names = sorted({name for key in keys if (name := folder_of(key)) and name not in needed})
    return [
        Step(
            f"artefact {name}",
            ARTEFACT,
            name,
            "no backup that stays names it",
            "delete it in every place",
            after=after,
        )
        for name in names
    ]


def _before(key: str, first: str) -> bool:
    """Whether a key holds WAL that lies before the segment `first`: on its timeline or an older one."""
    chunk = layout.chunk_of(key)
    name = layout.segment_of(key) or (chunk.segment if chunk else None)
    return name is not None and name[:8] <= first[:8] and name[8:] < first[8:]
