"""How much a finding matters, by the living tables that its statement works through."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from nexus.migrations.effects.effect import Effect, Living, LockLevel, TableFacts
from nexus.migrations.linting.finding import Level
from nexus.migrations.linting.said import Bytes, Rows, Said, Seconds, said
from nexus.migrations.planning.estimates import LONG, seconds_of
from nexus.migrations.planning.planned import Rates

FEW = 10_000  # rows; less is worked through between two heartbeats of a connection
PATIENT = 10.0  # seconds of work beside the users, in one transaction


class Weight(NamedTuple):
    """The level of a finding, and what the living database says of it."""

    level: Level
    living: Said


def weigh(effects: Sequence[Effect], living: Living | None, rates: Rates) -> Weight | None:
    """The weight of what a statement works through, or locks; None where there is nothing that it could hurt.

    Without a living database all is as bad as squawk says: a warning.
    """
    known = [each for each in effects if each.known]
    heavy = [each for each in known if each.work] or [
        each for each in known if each.lock >= LockLevel.ACCESS_EXCLUSIVE
    ]
    if not heavy:
        return None
    if living is None:
        return Weight("warning", said(""))
    found = [(each, facts) for each in heavy if (facts := living.tables.get(each.table)) is not None]
    if not found:
        return None
    effect, facts = max(found, key=lambda each: (each[1].bytes, each[1].rows))
    seconds = seconds_of([each for each, _ in found], [each for _, each in found], rates) or 0.0
    if not facts.nonempty:
        return Weight("note", said("{table} is empty: done at once", table=effect.table))
    if 0 <= facts.rows <= FEW and seconds < LONG:
        return Weight(
            "note", said("{table}: {rows}: done at once", table=effect.table, rows=Rows(facts.rows))
        )
    return _grave(effect, facts, seconds, max(each.lock for each, _ in found))


def _grave(effect: Effect, facts: TableFacts, seconds: float, lock: LockLevel) -> Weight:
    stops = lock >= LockLevel.SHARE
    if not effect.work:
        return Weight(
            "warning", _said("{blocks} wait while the lock is waited for", effect, facts, seconds, lock)
        )
    if effect.work != "write" and not stops:
        return Weight("note", _said("{time} beside the users", effect, facts, seconds, lock))
    wait = "{blocks} wait meanwhile" if stops else "rows stay locked meanwhile"
    grave = seconds > (LONG if stops else PATIENT)
    return Weight(
        "error" if grave else "warning", _said(f"{{time}}, and {wait}", effect, facts, seconds, lock)
    )


def _said(what: str, effect: Effect, facts: TableFacts, seconds: float, lock: LockLevel) -> Said:
    return said(
        f"{{table}}: {{rows}}, {{size}}; {what}",
        table=effect.table,
        rows=Rows(facts.rows),
        size=Bytes(facts.bytes),
        time=Seconds(seconds),
        blocks=said(lock.blocks),
    )
