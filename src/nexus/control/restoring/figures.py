"""What a restore costs: what is lost after its target, and how long it takes."""

from __future__ import annotations

from nexus.control.restoring.engine import Engine, rates_of
from nexus.recovery.errors import RecoveryError
from nexus.recovery.restoring.choice import Choice, both
from nexus.recovery.restoring.lost import Lost, count_lost
from nexus.recovery.restoring.rates import read_rates
from nexus.runtimes.home import Home
from nexus.stack import Stack


def minutes(home: Home, choice: Choice) -> float:
    """How long it will take, from how long it took before."""
    return read_rates(rates_of(home)).seconds(choice) / 60


async def lost(engine: Engine, choice: Choice, stack: Stack | None) -> str:
    """What would be lost, in words; that nobody knows, where the WAL after it cannot be read."""
    try:
        found = await count_lost(choice, engine.repository, engine.url, stack)
    except RecoveryError as error:
        return f"what was committed afterwards; nobody can tell how much ({error})"
    return in_words(found, engine.zone)


def in_words(found: Lost, zone: str) -> str:
    """ "" when nothing is lost. Pure."""
    if not found.transactions:
        return ""
    count = "1 transaction" if found.transactions == 1 else f"{found.transactions} transactions"
    text = count if found.whole else f"more than {count}"
    if found.first is not None and found.last is not None:
        text += f", committed {both(found.first, zone)} to {both(found.last, zone)}"
    if found.losses is None:
        return f"{text}; {found.why}" if found.why else text
    of = [
        _one(each.title, each.of, each.count, each.amount, each.unit) for each in found.losses if each.count
    ]
    return f"{text}: {', '.join(of)}" if of else text


def _one(title: str, of: str, count: int, amount: str, unit: str) -> str:
    named = f"{title} ({of})" if of else title
    worth = "" if unit == "count" or not amount else f" = {amount} {unit}"
    return f"{count} {named}{worth}"
