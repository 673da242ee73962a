"""The one order in which the pending migrations of all modules are applied."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from nexus.migrations.errors import PlanRefused
from nexus.migrations.history.state import History
from nexus.migrations.migration import Migration
from nexus.migrations.planning.edges import Edge, edges

_WEAK = ("body", "wished")


class Circle(PlanRefused):
    """Migrations wait for each other. `around`: their ids, each waiting for the next."""

    def __init__(self, around: Sequence[str], sentence: str, mend: str) -> None:
        super().__init__(f"{sentence}; {mend}")
        self.around, self.sentence, self.mend = tuple(around), sentence, mend


def order(histories: Mapping[str, History]) -> tuple[tuple[str, Migration], ...]:
    """What is pending, as (module, migration), each behind what it waits for.

    A module's migrations keep their order and stay together where they can. The same histories give the same
    order, whichever way they are handed over.

    Raises:
        PlanRefused: migrations wait for each other in a circle, or depend on what is nowhere.
        MigrationUnreadable: a script cannot be read.
    """
    return ordered(histories, edges(histories))


def ordered(histories: Mapping[str, History], among: Iterable[Edge]) -> tuple[tuple[str, Migration], ...]:
    """The same along these edges. Raises `Circle`."""
    chains = {module: list(histories[module].pending) for module in sorted(histories)}
    waits = _before(heeded(histories, among))
    placed: dict[str, tuple[str, Migration]] = {}
    at = dict.fromkeys(chains, 0)
    current = ""
    while any(at[module] < len(chain) for module, chain in chains.items()):
        runs = {each: _run(each, chain[at[each] :], waits, set(placed)) for each, chain in chains.items()}
        if not runs.get(current):
            able = [module for module, run in runs.items() if run]
            if not able:
                raise _circle(chains, at, waits, placed)
            current = min(able, key=lambda module: (runs[module] < len(chains[module]) - at[module], module))
        for migration in chains[current][at[current] : at[current] + runs[current]]:
            placed[f"{current}/{migration.name}"] = (current, migration)
        at[current] += runs[current]
    return tuple(placed.values())


def heeded(histories: Mapping[str, History], among: Iterable[Edge]) -> tuple[Edge, ...]:
    """The edges without the wishes, and needs of bodies, that would close a circle. Removals are the last to
    be left out.
    """
    known = {f"{module}/{each.name}" for module in histories for each in histories[module].pending}
    within = [each for each in among if each.before in known and each.after in known]
    kept = [each for each in within if each.force not in _WEAK]
    wishes = sorted(
        (each for each in within if each.force in _WEAK),
        key=lambda each: (not each.removal, each.force, each.before, each.after, each.cause),
    )
    behind: dict[str, set[str]] = {}
    for each in kept:
        behind.setdefault(each.before, set()).add(each.after)
    for wish in wishes:
        if not _reaches(wish.after, wish.before, behind):
            behind.setdefault(wish.before, set()).add(wish.after)
            kept.append(wish)
    return tuple(kept)


def _before(among: Iterable[Edge]) -> dict[str, dict[str, Edge]]:
    found: dict[str, dict[str, Edge]] = {}
    for each in among:
        found.setdefault(each.after, {}).setdefault(each.before, each)
    return found


def _reaches(start: str, goal: str, behind: Mapping[str, set[str]]) -> bool:
    seen, ahead = {start}, [start]
    while ahead:
        here = ahead.pop()
        if here == goal:
            return True
        fresh = behind.get(here, set()) - seen
        seen |= fresh
        ahead += fresh
    return False


def _run(
    module: str, chain: Sequence[Migration], waits: Mapping[str, Mapping[str, Edge]], done: set[str]
) -> int:
    """How many of a module's next migrations can be applied now, one after the other."""
    done = set(done)
    for count, migration in enumerate(chain):
        id = f"{module}/{migration.name}"
        if not waits.get(id, {}).keys() <= done:
            return count
        done.add(id)
    return len(chain)


def _circle(
    chains: Mapping[str, Sequence[Migration]],
    at: Mapping[str, int],
    waits: Mapping[str, Mapping[str, Edge]],
    placed: Mapping[str, object],
) -> Circle:
    here = next(
        f"{module}/{chain[at[module]].name}" for module, chain in chains.items() if chain[at[module] :]
    )
    path: list[Edge] = []
    seen: list[str] = []
    while here not in seen:
        seen.append(here)
        edge = min((e for e in waits[here].values() if e.before not in placed), key=lambda e: e.before)
        path.append(edge)
        here = edge.before
    start = seen.index(here)
    around, links = seen[start:], path[start:]
    why = "; ".join(f"{edge.after}: {edge.cause}" for edge in links)
    circle = " → ".join((*around, here))
    return Circle(
        around,
        f"these migrations wait for each other ({circle}, each for the next): {why}",
        "take one of the needs into a migration of its own that comes later",
    )
