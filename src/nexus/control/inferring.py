"""What migrations of different modules need of each other, as they declare and as their SQL tells."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from nexus.control.migrating.sources import source_of
from nexus.migrations.errors import MigrationError
from nexus.migrations.history import History
from nexus.migrations.planning.edges import edges
from nexus.migrations.reading import read
from nexus.releases.facts import MigrationFacts
from nexus.stack import Service


def with_needs(
    services: Mapping[str, Service],
    pending: Mapping[str, Sequence[MigrationFacts]],
    applied: Mapping[str, Collection[str]],
) -> dict[str, tuple[MigrationFacts, ...]]:
    """Service → what is pending of it, each with the migrations of other modules that must come first: those
    it declares, and those that make what it names.

    `services` as the releases in question have them, `applied`: service → names of all that is applied.
    """
    needs = _needed(services, pending, applied)
    return {
        name: tuple(
            replace(
                each, depends=tuple(dict.fromkeys((*each.depends, *needs.get(f"{name}/{each.name}", ()))))
            )
            for each in those
        )
        for name, those in pending.items()
    }


def _needed(
    services: Mapping[str, Service],
    pending: Mapping[str, Sequence[MigrationFacts]],
    applied: Mapping[str, Collection[str]],
) -> dict[str, list[str]]:
    if sum(bool(those) for those in pending.values()) < 2:
        return {}
    histories = {}
    for name, those in pending.items():
        source = source_of(services[name])
        names = {each.name for each in those}
        if source is not None:
            scripts = read(source)
            rows = dict.fromkeys(applied.get(name, ()))
            lacking = tuple(each for each in scripts if each.name in names)
            histories[name] = History(source, scripts, applied=rows, pending=lacking)  # type: ignore[arg-type]
    try:
        found = edges(histories)
    except MigrationError:  # what is declared and lacking: the planners name it
        return {}
    needs: dict[str, list[str]] = {}
    for edge in found:
        if edge.force == "needed" and edge.before.partition("/")[0] != edge.after.partition("/")[0]:
            needs.setdefault(edge.after, []).append(edge.before)
    return needs
