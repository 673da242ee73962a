"""What a disaster would cost now: how much of what was committed is lost, and how long all stands still."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from nexus.control.recovering.facts import PlaceFacts, RecoveryFacts
from nexus.recovery import lsn
from nexus.recovery.backups.manifest import BackupManifest
from nexus.recovery.restoring.rates import FIXED, Rates

SERVING = 20.0  # seconds from a restored database until all services answer again


def loss_database(facts: RecoveryFacts) -> float | None:
    """Seconds of data that losing the database, and not this machine, would cost; None: everything. Pure."""
    return _least(facts, facts.places)


def loss_machine(facts: RecoveryFacts) -> float | None:
    """Seconds of data that losing this machine would cost; None: everything. Pure.

    Its key is lost with it: only the recovery kit opens what other places hold, and that only where it was
    sealed for the kit, too.
    """
    if facts.kit is None:
        return None
    made = facts.kit
    opened = frozenset(
        each.id for each in facts.dated if all(one.began >= made for one in chain(facts.backups, each))
    )
    return _least(facts, [place for place in facts.others if not place.same_disk], opened)


def standstill(facts: RecoveryFacts) -> float | None:
    """Seconds from the order to restore until all serves again; None where there is nothing to restore. Pure.

    The cluster's files are fetched, opened and written, the WAL behind them replayed, the services started.
    It is the newest backup that a place which can be reached has with all it builds on.
    """
    reached = [place for place in facts.places if not place.trouble]
    usable = (each for each in reversed(facts.backups) if any(_has(place, facts, each) for place in reached))
    found = next(usable, None)
    if found is None:
        return None
    newest = facts.backups[-1]
    wal = facts.wal + max(0, lsn.parse(newest.start_lsn) - lsn.parse(found.start_lsn))
    return duration(facts.rates, sum(each.plain for each in chain(facts.backups, found)), wal)


def duration(rates: Rates, read: float, wal: float) -> float:
    """Seconds that it takes to restore so many bytes and replay so many of WAL. Pure."""
    return read / rates.fetched + read / rates.verified + wal / rates.replayed + FIXED + SERVING


def chain(backups: Iterable[BackupManifest], last: BackupManifest) -> tuple[BackupManifest, ...]:
    """What must be read to restore a backup: the full one first. What is missing is left out. Pure."""
    known = {each.id: each for each in backups}
    found: list[BackupManifest] = [last]
    while (parent := known.get(found[-1].parent or "")) is not None:
        found.append(parent)
    return tuple(reversed(found))


def loss_of(place: PlaceFacts, facts: RecoveryFacts, opened: frozenset[str] | None = None) -> float | None:
    """Seconds of data that are lost when this place alone is left; None: everything. `opened`: the backups
    that can be opened then (None: all). Pure.

    With the stream, what it has not brought there yet; without, or where it has a gap, all since the newest
    backup there whose age is known.
    """
    there = [
        each for each in facts.backups if (opened is None or each.id in opened) and _has(place, facts, each)
    ]
    if not there:
        return None
    dated = [facts.now - each.ended for each in there if each in facts.dated]
    since = max(0.0, min(dated)) if dated else None
    if facts.policy.stream and place.behind is not None and not facts.gap:
        return place.behind if since is None else min(place.behind, since)
    return since


def _has(place: PlaceFacts, facts: RecoveryFacts, backup: BackupManifest) -> bool:
    """Whether a place has a backup and all that it builds on."""
    links = chain(facts.backups, backup)
    return links[0].kind == "full" and all(one.id in place.backups for one in links)


def _least(
    facts: RecoveryFacts, places: Sequence[PlaceFacts], opened: frozenset[str] | None = None
) -> float | None:
    found = [loss for place in places if (loss := loss_of(place, facts, opened)) is not None]
    return min(found, default=None)
