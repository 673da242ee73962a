"""What a disaster would cost now: how much of what was committed is lost, and how long all stands still."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from nexus.control.recovering.facts import PlaceFacts, RecoveryFacts
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
        each.id for each in facts.backups if all(one.began >= made for one in chain(facts.backups, each))
    )
    return _least(facts, [place for place in facts.others if not place.same_disk], opened)


def standstill(facts: RecoveryFacts) -> float | None:
    """Seconds from the order to restore until all serves again; None where there is nothing to restore. Pure.

    The cluster's files are fetched, opened and written, the WAL behind them replayed, the services started.
    """
    if not facts.backups:
        return None
    read = sum(each.plain for each in chain(facts.backups, facts.backups[-1]))
    return duration(facts.rates, read, facts.wal)


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


def complete(backups: Iterable[BackupManifest], last: BackupManifest) -> bool:
    """Whether all that a backup builds on is there. Pure."""
    return chain(backups, last)[0].kind == "full"


def loss_of(place: PlaceFacts, facts: RecoveryFacts, opened: frozenset[str] | None = None) -> float | None:
    """Seconds of data that are lost when this place alone is left; None: everything. `opened`: the backups
    that can be opened then (None: all). Pure.

    With the stream, what it has not brought there yet; without, or where it has a gap, all since the newest
    backup there.
    """
    there = set(place.backups) if opened is None else opened.intersection(place.backups)
    ended = [
        each.ended
        for each in facts.backups
        if all(one.id in there for one in chain(facts.backups, each)) and complete(facts.backups, each)
    ]
    if not ended:
        return None
    since_backup = max(0.0, facts.now - max(ended))
    if facts.policy.stream and place.behind is not None and not facts.gap:
        return min(place.behind, since_backup)
    return since_backup


def _least(
    facts: RecoveryFacts, places: Sequence[PlaceFacts], opened: frozenset[str] | None = None
) -> float | None:
    found = [loss for place in places if (loss := loss_of(place, facts, opened)) is not None]
    return min(found, default=None)
