"""When exactly what a deploy would apply was last rehearsed, and went well."""

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
    of all of it. Reads reports only where the stack asks for rehearsals.
    """
    moving = [each for each in targets if facts.pending_of(each)]
    if facts.rehearse_within is None or not moving:
        return facts
    first = {each: {m.name for m in before_release(facts, each)} for each in moving}
    whole = {each: {m.name for m in facts.pending_of(each)} for each in moving}
    everything = _rehearsed(whole, services, facts, home)
    return replace(
        facts,
        rehearsed_at=_rehearsed(first, services, facts, home) or everything,
        contracts_rehearsed_at=everything,
    )


def _rehearsed(
    names: Mapping[Release, set[str]],
    services: Mapping[tuple[str, str], Service],
    facts: RolloutFacts,
    home: Home,
) -> float | None:
    histories = {}
    for release, chosen in names.items():
        source = source_of(services[release.service, release.id])
        if source is not None and source.format != "command":
            scripts = read(source)
            rows = dict.fromkeys(facts.applied.get(release.service, ()))
            pending = tuple(each for each in scripts if each.name in chosen)
            histories[release.service] = History(source, scripts, applied=rows, pending=pending)  # type: ignore[arg-type]
    try:
        digest = digest_of(order(histories))
    except MigrationError:  # the planners say what is wrong with it
        return None
    report = reports.counted(home.root / REHEARSALS, digest)
    return report.at if report is not None and report.ok else None


def digest_of(ordered: Iterable[tuple[str, Migration]]) -> str:
    """What rehearsals of these migrations in this order are known by: `MigrationPlan.digest`. Pure."""
    told = [f"{module}/{each.name}:{each.checksum}" for module, each in ordered]
    return sha256("\n".join(told).encode())[:16]
