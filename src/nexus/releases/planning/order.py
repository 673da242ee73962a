"""In which order services change, so that at no moment two releases run together that do not fit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from nexus.releases.facts import RolloutFacts
from nexus.stack import Stack


@dataclass(frozen=True)
class Turns:
    """The order, and what does not fit for a moment whatever the order ("" = nothing)."""

    names: tuple[str, ...]
    clash: str = ""


def by_need(stack: Stack, names: Iterable[str]) -> tuple[str, ...]:
    """Providers before those that need them, softly too where that closes no circle."""
    wanted = frozenset(names)
    return tuple(s.name for level in stack.levels() for s in level if s.name in wanted)


def turns(stack: Stack, facts: RolloutFacts, to: Mapping[str, str], back: bool = False) -> Turns:
    """The order in which services change to the releases `to` (service → id).

    By need, or going back against it; but a consumer of what its provider gives up changes before the
    provider, and one that relies on what only the new provider has after it.
    """
    names = by_need(stack, to)
    waiting = list(reversed(names) if back else names)
    before = _before(facts, to)
    placed: list[str] = []
    while waiting:
        free = [name for name in waiting if before.get(name, set()) <= set(placed)]
        if not free:
            return Turns((*placed, *waiting), f"{' and '.join(waiting)} do not fit while one of them changes")
        placed.append(free[0])
        waiting.remove(free[0])
    return Turns(tuple(placed))


def _before(facts: RolloutFacts, to: Mapping[str, str]) -> dict[str, set[str]]:
    """Service → those that must have changed before it."""
    found: dict[str, set[str]] = {}
    now = {name: facts.stable[name].id for name in to if name in facts.stable}
    for pair in facts.misfits:
        if pair.consumer not in now or pair.provider not in now:
            continue
        if pair.runs_in({**now, pair.provider: to[pair.provider]}):
            found.setdefault(pair.provider, set()).add(pair.consumer)
        if pair.runs_in({**now, pair.consumer: to[pair.consumer]}):
            found.setdefault(pair.consumer, set()).add(pair.provider)
    return found
