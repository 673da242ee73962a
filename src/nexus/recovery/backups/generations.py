"""Which backups stay: the newest of each of so many hours, days, weeks and months (GFS), and what those
build on.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from nexus.recovery.backups.manifest import BackupManifest
from nexus.stack.recovering import Keep

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
    old. `damaged`: backups of which that is known: they stay as others do, and no other goes on account of
    them, nor of those that build on them. The newest one of each cluster, and the newest full one, always
    stay. Pure.
    """
    why: dict[str, list[str]] = {}
    ordered = sorted(backups, key=lambda each: each.id, reverse=True)
    sound = _sound(ordered, damaged)
    for some in (ordered, sound):
        _fill(some, keep, ZoneInfo(zone), why)
    if proven is not None and any(each.id == proven for each in ordered):
        why.setdefault(proven, []).append("proven")
    by_id = {each.id: each for each in ordered}
    for each in ordered:  # newest first: what needs a backup is looked at before it
        if each.id in why and each.parent in by_id:
            reasons = why.setdefault(each.parent, [])
            if not reasons:
                reasons.append(f"needed by {each.id}")
    return tuple(Kept(each.id, tuple(dict.fromkeys(why[each.id]))) for each in ordered if each.id in why)


def _fill(ordered: Sequence[BackupManifest], keep: Keep, here: ZoneInfo, why: dict[str, list[str]]) -> None:
    """Notes the newest of each bucket, and of each cluster. `ordered`: newest first."""
    for name, bucket in _BUCKETS.items():
        seen: set[tuple[int, ...]] = set()
        for each in ordered:
            found = bucket(datetime.fromtimestamp(each.began, here))
            if found not in seen and len(seen) < getattr(keep, name):
                seen.add(found)
                why.setdefault(each.id, []).append(name)
    for newest in _newest(ordered):
        why.setdefault(newest, []).append("newest")


def _sound(ordered: Sequence[BackupManifest], damaged: Collection[str]) -> list[BackupManifest]:
    """Those that are not damaged, and build on none that is. `ordered`: newest first."""
    bad = set(damaged)
    for each in reversed(ordered):
        if each.parent in bad:
            bad.add(each.id)
    return [each for each in ordered if each.id not in bad]


def _newest(ordered: Sequence[BackupManifest]) -> set[str]:
    """Of each cluster the newest backup, and the newest full one. `ordered`: newest first."""
    found: dict[tuple[str, bool], str] = {}
    for each in ordered:
        found.setdefault((each.system, False), each.id)
        if each.kind == "full":
            found.setdefault((each.system, True), each.id)
    return set(found.values())
