"""When the migrations of releases are applied: what expands before its release, what contracts after it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile

from nexus.migrations.declared import ReleaseNeed
from nexus.releases.facts import MigrationFacts, RolloutFacts
from nexus.releases.release import Release

Pending = Mapping[str, Sequence[MigrationFacts]]  # service → what is not applied, in order
_PARTS = re.compile(r"[.+_-]")


@dataclass(frozen=True)
class Run:
    """Migrations of one service that are applied in one go. `last`: no other run of the service follows."""

    service: str
    migrations: tuple[MigrationFacts, ...]
    last: bool = True

    @property
    def names(self) -> str:
        """As a step's argument: comma-separated."""
        return ",".join(each.name for each in self.migrations)

    @property
    def step(self) -> str:
        """The id of the step that applies it: the last of a service is what others wait for."""
        return f"migrate {self.service}" + ("" if self.last else f" {self.migrations[-1].name}")


def before_release(facts: RolloutFacts, release: Release) -> tuple[MigrationFacts, ...]:
    """What is applied while the former release runs: all up to the first that contracts.

    A contract that an earlier deploy left out and that the stable release has as well takes nothing from it:
    it comes in its place, unless it must wait.
    """
    return _split(facts, release)[0]


def holds_back(facts: RolloutFacts, release: Release) -> tuple[MigrationFacts, str] | None:
    """The first that is not applied before a release, and for what else it waits than for the end of its
    predecessor ("" = nothing).
    """
    return _split(facts, release)[1]


def _split(
    facts: RolloutFacts, release: Release
) -> tuple[tuple[MigrationFacts, ...], tuple[MigrationFacts, str] | None]:
    own = _own_contracts(facts, release)
    found: list[MigrationFacts] = []
    for each in facts.pending_of(release):
        if each.phase == "contract":
            why = own.get(each.name)
            lacks = _lacks(each, found, release, facts.applied)
            if why is None or why or lacks:
                return tuple(found), (each, why or (f"it depends on {lacks}" if why is not None else ""))
        found.append(each)
    return tuple(found), None


def buried(facts: RolloutFacts, release: Release) -> tuple[MigrationFacts, ...]:
    """What expands behind something that contracts: its release needs it, and it would come too late."""
    before = before_release(facts, release)
    return tuple(e for e in facts.pending_of(release) if e.phase == "expand" and e not in before)


def at_once(facts: RolloutFacts, release: Release, stops: bool, forced: bool) -> bool:
    """Whether what contracts is applied with all the rest: where the former release `stops` first, or the
    operator wants what stands behind it although it does not.
    """
    return bool(facts.contracts_pending(release)) and (stops or (forced and bool(buried(facts, release))))


def _own_contracts(facts: RolloutFacts, release: Release) -> dict[str, str]:
    """The contracts that the former release has too, where nothing else runs, and why one must wait ("" = it
    need not).
    """
    stable, living = facts.stable.get(release.service), facts.living.get(release.service, {})
    others = [id for id, count in living.items() if count and id not in (release.id, stable and stable.id)]
    if stable is None or stable.id == release.id or others:
        return {}
    versions = facts.versions({})
    return {each.name: unmet(each.after, versions) for each in facts.contracts_pending(stable)}


def _lacks(
    migration: MigrationFacts,
    before: Sequence[MigrationFacts],
    release: Release,
    applied: Mapping[str, frozenset[str]],
) -> str:
    """What a migration depends on and is not applied ("" = nothing)."""
    own = {f"{release.service}/{each.name}" for each in before}
    for needed in migration.depends:
        module, _, name = needed.partition("/")
        if needed not in own and name not in applied.get(module, ()):
            return needed
    return ""


def runs(pending: Pending) -> tuple[Run, ...]:
    """All that is pending in an order that respects what depends on what: whole services where it can be.

    What goes round in a circle is left out; `lacking` tells of it.
    """
    done: set[str] = set()
    own = {f"{name}/{each.name}" for name, those in pending.items() for each in those}
    waiting = {name: list(those) for name, those in pending.items() if those}
    found: list[Run] = []
    while waiting:
        taken = {name: _ready(name, those, own - done) for name, those in waiting.items()}
        name = next((n for n, those in taken.items() if len(those) == len(waiting[n])), "")
        name = name or next((n for n, those in taken.items() if those), "")
        if not name:
            break
        done |= {f"{name}/{each.name}" for each in taken[name]}
        waiting[name] = waiting[name][len(taken[name]) :]
        found.append(Run(name, taken[name], last=not waiting[name]))
        waiting = {n: those for n, those in waiting.items() if those}
    return tuple(found)


def needed_runs(service: str, ordered: Sequence[Run]) -> tuple[Run, ...]:
    """The runs of a service and of all that they depend on, in order."""
    wanted: set[str] = set()
    services, found = {service}, []
    for run in reversed(ordered):
        if run.service in services or wanted & {f"{run.service}/{each.name}" for each in run.migrations}:
            services.add(run.service)
            wanted |= {name for each in run.migrations for name in each.depends}
            found.append(run)
    return tuple(reversed(found))


def lacking(pending: Pending, applied: Mapping[str, frozenset[str]]) -> Iterator[tuple[str, str, str]]:
    """Service, migration and what it depends on, where that is neither applied nor pending beside it; or
    where it goes round in a circle.
    """
    placed = {f"{run.service}/{each.name}" for run in runs(pending) for each in run.migrations}
    own = {f"{name}/{each.name}" for name, those in pending.items() for each in those}
    for service, those in pending.items():
        for each in those:
            for needed in each.depends:
                module, _, name = needed.partition("/")
                round_about = needed in own - placed and f"{service}/{each.name}" not in placed
                if round_about or (needed not in own and name not in applied.get(module, ())):
                    yield service, each.name, needed


def unmet(needs: Iterable[ReleaseNeed], versions: Mapping[str, Iterable[str]]) -> str:
    """Why not all of these releases are fully out, "" when they are. `versions`: service → all that run."""
    for need in needs:
        older = sorted(each for each in versions.get(need.module, ()) if not at_least(each, need.version))
        if older:
            return f"it waits for {need}, and {need.module} {older[0] or 'without a version'} runs"
        if need.module not in versions:
            return f"it waits for {need}, and {need.module} is not part of the stack"
    return ""


def at_least(version: str, wanted: str) -> bool:
    """Whether a version is `wanted` or newer: numbers count, and a word (`rc1`) comes before its number."""
    if not version:
        return False
    mine, other = _numbers(version), _numbers(wanted)
    length = max(len(mine), len(other))
    return (mine + [0] * length)[:length] >= (other + [0] * length)[:length]


def _numbers(version: str) -> list[int]:
    return [int(part) if part.isdecimal() else -1 for part in _PARTS.split(version)]


def _ready(service: str, those: Sequence[MigrationFacts], waiting: set[str]) -> tuple[MigrationFacts, ...]:
    """The first of them that depend on nothing that still waits elsewhere."""
    open_ones = {each for each in waiting if each.partition("/")[0] != service}
    return tuple(takewhile(lambda each: not open_ones & set(each.depends), those))
