"""What KPIs and processes cannot check alone: names, schemas and requests across the whole stack."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from nexus.stack.errors import Fault, suggest
from nexus.stack.found import Found
from nexus.stack.kpi import Kpi
from nexus.stack.process import ProcessManifest
from nexus.stack.reading import Location, Source
from nexus.stack.stackfile import StackManifest

_MONEY = re.compile(r"^[A-Z]{3}$")


def check_figures(stack: StackManifest, source: Source, found: Mapping[str, Found]) -> Iterator[Fault]:
    """Return every fault between the KPIs and the processes of a stack."""
    known: dict[str, Kpi] = {}
    schemas = {e.manifest.database.schema_ for e in found.values() if e.manifest.database}
    for each in found.values():
        yield from _kpis(each, known, schemas)
    for name, process in stack.processes.items():
        yield from _steps(name, process, source, found)
        yield from _named_kpis(name, process, source, known)
        yield from _objectives(name, process, source, schemas)


def _kpis(each: Found, known: dict[str, Kpi], schemas: set[str]) -> Iterator[Fault]:
    for index, kpi in enumerate(each.kpis):
        if kpi.name in known:
            yield each.source.fault(
                ("kpis", index, "name"),
                f"{kpi.name!r} is taken by {known[kpi.name].module}",
                "a KPI's name is its own in the whole stack",
            )
        known.setdefault(kpi.name, kpi)
        yield from _needs(each.source, ("kpis", index, "needs"), kpi.needs, schemas)


def _needs(source: Source, place: Location, needs: Iterable[str], schemas: set[str]) -> Iterator[Fault]:
    for need in needs:
        if need not in schemas:
            yield source.fault(place, f"no module has the schema {need!r}", suggest(need, schemas))


def _steps(
    name: str, process: ProcessManifest, source: Source, found: Mapping[str, Found]
) -> Iterator[Fault]:
    carried: dict[str, str] = {}
    for index, step in enumerate(process.steps):
        place: Location = ("processes", name, "steps", index)
        if step.module not in found:
            yield source.fault(
                (*place, "module"), f"no service is named {step.module!r}", suggest(step.module, found)
            )
            continue
        routes = found[step.module].manifest.routes
        for number, request in enumerate(step.requests):
            path = request.partition(" ")[2]
            if not any(path == route or path.startswith(route.rstrip("/") + "/") for route in routes):
                yield source.fault(
                    (*place, "requests", number),
                    f"{path} is under none of {step.module}'s routes",
                    f"its routes: {', '.join(routes) or 'none'}",
                )
            if request in carried:
                yield source.fault(
                    (*place, "requests", number),
                    f"{request} is the step {carried[request]} already",
                    "a request counts for one step",
                )
            carried.setdefault(request, step.name)


def _named_kpis(
    name: str, process: ProcessManifest, source: Source, known: Mapping[str, Kpi]
) -> Iterator[Fault]:
    named: list[tuple[Location, str]] = [(("kpis", i), kpi) for i, kpi in enumerate(process.kpis)]
    if process.value:
        named.append((("value",), process.value))
    for place, kpi in named:
        if kpi not in known:
            yield source.fault(("processes", name, *place), f"no KPI is named {kpi!r}", suggest(kpi, known))
    worth = known.get(process.value or "")
    if worth is not None and (worth.labels or not _MONEY.match(worth.unit)):
        yield source.fault(
            ("processes", name, "value"),
            f"{worth.name} is no single amount of money ({worth.unit})",
            "name a KPI without labels whose unit is a currency, like BRL",
        )


def _objectives(name: str, process: ProcessManifest, source: Source, schemas: set[str]) -> Iterator[Fault]:
    for key, objective in process.objectives.items():
        place: Location = ("processes", name, "objectives", key)
        yield from _needs(source, (*place, "needs"), objective.needs, schemas)
        if objective.kind != "facts" and not any(step.requests for step in process.steps):
            yield source.fault(
                place, "counts requests, and no step names any", "give a step its `requests`, or write `sql`"
            )
