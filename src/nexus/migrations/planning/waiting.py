"""Which migrations have to wait for a release, and what has to wait with them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from nexus.migrations.declared import ReleaseNeed
from nexus.migrations.planning.edges import Edge
from nexus.migrations.planning.planned import PlannedMigration, RunningRelease
from nexus.migrations.planning.touched import Touched, builds_on, touched
from nexus.migrations.planning.versions import at_least


@dataclass(frozen=True)
class Wait:
    """Why a migration waits. `kind`: contract, release, or behind (it waits for one that waits)."""

    kind: str
    sentence: str
    mend: str


def waits(
    planned: Sequence[PlannedMigration],
    needs: Mapping[str, Sequence[ReleaseNeed]],
    running: Sequence[RunningRelease],
    among: Iterable[Edge],
) -> dict[str, Wait]:
    """Id → why it waits. `needs`: id → the releases that it declares to come after.

    A contract that waits lets those of its module pass that do not build on it. What was begun goes on,
    whatever runs: half of it is worse than all of it.

    Raises:
        MigrationUnreadable: a script cannot be read.
    """
    found: dict[str, Wait] = {}
    held: list[PlannedMigration] = []
    binding = [each for each in among if each.force in ("declared", "needed") or each.removal]
    for each in planned:
        if each.resumes:
            continue
        own = next(_own(each, needs.get(each.id, ()), running), None)
        before = (edge.before for edge in binding if edge.after == each.id and edge.before in found)
        behind = next(before, None) or next((other.id for other in held if _bound(each, other)), None)
        if own:
            found[each.id] = own
        elif behind:
            sentence = f"it comes after {behind}, which waits"
            found[each.id] = Wait("behind", sentence, found[behind].mend)
        if each.id in found:
            held.append(each)
    return found


def _bound(later: PlannedMigration, held: PlannedMigration) -> bool:
    """Whether a migration must wait with one of its own module that waits."""
    if later.source.module != held.source.module:
        return False
    return held.phase == "expand" or builds_on(_touched(later), _touched(held))


def _touched(planned: PlannedMigration) -> Touched:
    return touched(planned.migration, planned.source.schema)


def _own(
    planned: PlannedMigration, needs: Sequence[ReleaseNeed], running: Sequence[RunningRelease]
) -> Iterator[Wait]:
    module, name = planned.source.module, planned.migration.name
    if planned.phase == "contract":
        for each in running:
            if each.module == module and name not in each.migrations:
                yield Wait(
                    "contract",
                    f"it takes away what {_called(each)} may need: that still runs and does not have it",
                    f"deploy a release of {module} that has {name}; it is applied when nothing older runs",
                )
    for need in needs:
        for each in running:
            newer = at_least(each.version, need.version)
            if each.module == need.module and not newer:
                which = "is older and" if newer is False else "has a version that cannot be compared and"
                yield Wait(
                    "release",
                    f"it needs {need} to be fully out, but {_called(each)} {which} still runs",
                    f"deploy {need.module} {need.version} or newer first",
                )


def _called(release: RunningRelease) -> str:
    version = release.version if release.version != release.release else ""
    return " ".join(part for part in (release.module, version, f"({release.release})") if part)
