"""How long statements are likely to take, whom they stop meanwhile, and how great the risk is."""

from __future__ import annotations

from collections.abc import Sequence

from nexus.migrations.effects.effect import Effect, LockLevel, TableFacts
from nexus.migrations.planning.planned import PlannedStatement, Rates, Risk

LONG = 1.0  # seconds that reads or writes may wait; more is a high risk
_BLOCKING = LockLevel.SHARE  # from here on a lock stops writes


def seconds_of(effects: Sequence[Effect], tables: Sequence[TableFacts | None], rates: Rates) -> float | None:
    """Seconds that a statement is likely to take; None where its work or a table is not known."""
    total = 0.0
    for effect, facts in zip(effects, tables, strict=True):
        if not effect.known:
            return None
        if not effect.work:
            continue
        if facts is None:
            return None
        total += _seconds(effect, facts, rates)
    return total


def _seconds(effect: Effect, facts: TableFacts, rates: Rates) -> float:
    match effect.work:
        case "scan":
            return facts.bytes / rates.scan
        case "rewrite":
            indexes = 0 if rates.measured else max(0, facts.total - facts.bytes)  # measured together
            return facts.bytes / rates.rewrite + indexes / rates.index
        case "index":
            return facts.bytes / rates.index
        case "write":
            return facts.bytes / rates.write
    return 0.0


def blocked(statements: Sequence[PlannedStatement], one: bool) -> float | None:
    """The longest that reads or writes of any table may have to wait, in seconds; None where it is not known.

    In one transaction a lock is held until the end of the migration, not of its statement.
    """
    longest: float | None = 0.0
    for number, statement in enumerate(statements):
        if not any(effect.lock >= _BLOCKING for effect in statement.effects):
            continue
        held = [each.seconds for each in (statements[number:] if one else statements[number : number + 1])]
        known = [each for each in held if each is not None]
        if len(known) < len(held):
            longest = None
        elif longest is not None:
            longest = max(longest, sum(known))
    return longest


def risk_of(statements: Sequence[PlannedStatement], one: bool) -> Risk:
    """none: it touches what it makes itself. low: short locks. medium: reads or writes may wait up to a
    second, or much is read or written beside them, or nobody knows. high: they wait longer, or data is gone.
    """
    effects = [effect for each in statements for effect in each.effects]
    waits = blocked(statements, one)
    if any(each.destroys for each in effects) or (waits is not None and waits > LONG):
        return "high"
    if any(each.work or not each.known for each in effects) or waits is None:
        return "medium"
    return "low" if any(each.lock >= LockLevel.SHARE_UPDATE_EXCLUSIVE for each in effects) else "none"
