"""Which migrations have to wait for a release, and what has to wait with them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from nexus.migrations.declared import ReleaseNeed
from nexus.migrations.planning.edges import Edge, did_you_mean
from nexus.migrations.planning.planned import PlannedMigration, Refusal, RunningRelease
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

    What waits holds all of its module behind it, and what depends on it in others. What was begun goes on,
    whatever runs: half of it is worse than all of it.
    """
    found: dict[str, Wait] = {}
    first: dict[str, str] = {}  # module → the first of it that waits
    binding = [each for each in among if each.force in ("declared", "needed", "body") or each.removal]
    for each in planned:
        if each.resumes:
            continue
        module = each.source.module
        own = next(_own(each, needs.get(each.id, ()), running), None)
        before = (edge.before for edge in binding if edge.after == each.id and edge.before in found)
        behind = first.get(module) or next(before, None)
        if own:
            found[each.id] = own
        elif behind:
            sentence = f"it comes after {behind}, which waits"
            found[each.id] = Wait("behind", sentence, found[behind].mend)
        if each.id in found:
            first.setdefault(module, each.id)
    return found


def unknown(
    planned: Sequence[PlannedMigration],
    needs: Mapping[str, Sequence[ReleaseNeed]],
    modules: Collection[str],
) -> Iterator[Refusal]:
    """What waits for a module that is not there. `modules`: all of the stack (none: they are not known)."""
    for each in planned if modules else ():
        for need in needs.get(each.id, ()):
            if need.module not in modules:
                near = did_you_mean(need.module, modules)
                yield Refusal(
                    "release",
                    each.id,
                    f"{each.migration.place}: it needs {need}, but there is no module {need.module!r}{near}",
                    f"correct the line after-release={need}",
                )


def _own(
    planned: PlannedMigration, needs: Sequence[ReleaseNeed], running: Sequence[RunningRelease]
) -> Iterator[Wait]:
    module, name = planned.source.module, planned.migration.name
    if planned.phase == "contract":
        for each in running:
            if each.module == module and name not in each.migrations:
                yield Wait(
                    "contract",
                    f"{'; '.join(planned.reasons)}; {_called(each)} still runs and does not have it",
                    f"deploy a release of {module} that has {name}; it is applied when nothing older runs",
                )
    for need in needs:
        if running and all(each.module != need.module for each in running):
            yield Wait(
                "release",
                f"it needs {need} to be fully out, and no release of {need.module} is known to run",
                f"deploy {need.module} {need.version} or newer first",
            )
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
