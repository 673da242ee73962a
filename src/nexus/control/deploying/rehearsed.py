"""When what a deploy would apply was last rehearsed as it is, and went well."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from nexus.control.migrating.sources import source_of
from nexus.migrations.errors import MigrationError
from nexus.migrations.history import History
from nexus.migrations.migration import Migration, sha256
from nexus.migrations.planning import order
from nexus.migrations.reading import read
from nexus.migrations.rehearsing import reports
from nexus.migrations.rehearsing.report import Report
from nexus.releases import Release
from nexus.releases.facts import RolloutFacts
from nexus.releases.planning.migrating import before_release
from nexus.runtimes.home import Home
from nexus.stack import Service

REHEARSALS = "rehearsals"  # below the stack's home


def with_rehearsals(
    facts: RolloutFacts, targets: Iterable[Release], services: Mapping[tuple[str, str], Service], home: Home
) -> RolloutFacts:
    """The facts with the times of the rehearsals of what these releases bring: of what comes before them, and
    of all of it, be it together with more. Reads reports only where the stack asks for rehearsals.
    """
    moving = [each for each in targets if facts.pending_of(each)]
    if facts.rehearse_within is None or not moving:
        return facts
    first = {each: {m.name for m in before_release(facts, each)} for each in moving}
    whole = {each: {m.name for m in facts.pending_of(each)} for each in moving}
    everything = _rehearsed(whole, services, facts, home)
    before = _rehearsed(first, services, facts, home) or everything
    tools = sorted(each.service for each in moving if any(m.tool for m in facts.pending_of(each)))
    notes = [
        f"{name}: what its own tool changes needs no rehearsal: nothing can rehearse it" for name in tools
    ]
    if before is not None and (more := _more(before, whole)):
        notes.append(f"what is pending was rehearsed by {before.id}, together with {', '.join(more)}")
    return replace(
        facts,
        rehearsed_at=before.at if before else None,
        contracts_rehearsed_at=everything.at if everything else None,
        notes=(*facts.notes, *notes),
    )


def _more(report: Report, whole: Mapping[Release, set[str]]) -> tuple[str, ...]:
    """What was rehearsed and is not deployed."""
    own = {f"{release.service}/{name}" for release, names in whole.items() for name in names}
    return tuple(each for each in report.migrations if each not in own)


def _rehearsed(
    names: Mapping[Release, set[str]],
    services: Mapping[tuple[str, str], Service],
    facts: RolloutFacts,
    home: Home,
) -> Report | None:
    """The newest that counts, if it went well."""
    histories = {}
    for release, chosen in names.items():
        source = source_of(services[release.service, release.id])
        if source is not None and source.format != "command":
            scripts = read(source)
            rows = dict.fromkeys(facts.applied.get(release.service, ()))
            pending = tuple(each for each in scripts if each.name in chosen)
            histories[release.service] = History(source, scripts, applied=rows, pending=pending)  # type: ignore[arg-type]
    try:
        ordered = order(histories)
    except MigrationError:  # the planners say what is wrong with it
        return None
    if not ordered:
        return None
    folder = home.root / REHEARSALS
    steps = [(f"{module}/{each.name}", each.checksum) for module, each in ordered]
    exact, covering = reports.counted(folder, digest_of(ordered)), reports.covering(folder, steps)
    found = [each for each in (exact, covering) if each is not None]
    newest = max(found, key=lambda each: each.at, default=None)
    return newest if newest is not None and newest.ok else None


def digest_of(ordered: Iterable[tuple[str, Migration]]) -> str:
    """What rehearsals of these migrations in this order are known by: `MigrationPlan.digest`. Pure."""
    told = [f"{module}/{each.name}:{each.checksum}" for module, each in ordered]
    return sha256("\n".join(told).encode())[:16]
