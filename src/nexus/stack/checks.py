"""What no manifest can check alone: names, ports, routes, needs and events across the whole stack."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from nexus.stack import graph
from nexus.stack.errors import Fault, suggest
from nexus.stack.figures import check_figures
from nexus.stack.found import Found
from nexus.stack.names import RESERVED
from nexus.stack.probing import check_probes
from nexus.stack.reading import Location, Source
from nexus.stack.stackfile import StackManifest


def check_all(stack: StackManifest, source: Source, found: Mapping[str, Found]) -> list[Fault]:
    """Return every fault between manifests."""
    on = {name: each for name, each in found.items() if each.on}
    return [
        *_switches(stack, source, found),
        *_names(found),
        *_needs(found, on),
        *_unique(on),
        *_routing(on),
        *_upstreams(found),
        *_databases(on),
        *_events(found),
        *check_figures(stack, source, found),
        *check_probes(stack, source, found),
    ]


def _switches(stack: StackManifest, source: Source, found: Mapping[str, Found]) -> Iterator[Fault]:
    for name in stack.modules:
        if name not in found:
            yield source.fault(("modules", name), "no brick has this name", suggest(name, found))


def _names(found: Mapping[str, Found]) -> Iterator[Fault]:
    for name, each in found.items():
        if name in RESERVED:
            yield each.source.fault(("name",), f"{name!r} is a name of the platform's own", "choose another")


def _needs(found: Mapping[str, Found], on: Mapping[str, Found]) -> Iterator[Fault]:
    for name, each in found.items():
        for index, need in enumerate(each.manifest.needs.hard):
            place: Location = ("needs", "hard", index)
            if need not in found:
                yield each.source.fault(place, f"no service is named {need!r}", suggest(need, found))
            elif each.on and need not in on:
                yield each.source.fault(
                    place,
                    f"{name} cannot serve without {need}, which is off",
                    f"switch {need} on or {name} off",
                )
        if name in (*each.manifest.needs.hard, *each.manifest.needs.soft):
            yield each.source.fault(("needs",), f"{name} needs itself", "remove it from its own needs")
    edges = {
        n: {need for need in e.manifest.needs.hard if need in found and need != n} for n, e in found.items()
    }
    cycle = graph.find_cycle(edges)
    if cycle:
        path = " -> ".join(cycle)
        yield found[cycle[0]].source.fault(
            ("needs", "hard"), f"hard needs form a circle: {path}", "make one of them soft"
        )


def _unique(on: Mapping[str, Found]) -> Iterator[Fault]:
    yield from _twice(
        (
            (port, n, (field,))
            for n, e in on.items()
            for field, port in (("port", e.manifest.port), ("fallback_port", e.manifest.fallback_port))
            if port is not None
        ),
        on,
        "port",
    )
    yield from _twice(
        (
            (path.rstrip("/") or "/", n, ("routes", i))
            for n, e in on.items()
            for i, path in enumerate(e.manifest.routes)
        ),
        on,
        "route",
    )
    yield from _twice(
        (
            (e.manifest.database.schema_, n, ("database", "schema"))
            for n, e in on.items()
            if e.manifest.database
        ),
        on,
        "schema",
    )
    yield from _twice((("keys", n, ("jwks",)) for n, e in on.items() if e.manifest.jwks), on, "publisher of")


def _twice(
    values: Iterable[tuple[object, str, Location]], on: Mapping[str, Found], what: str
) -> Iterator[Fault]:
    owners: dict[object, str] = {}
    for value, name, place in values:
        if value in owners:
            yield on[name].source.fault(
                place, f"{what} {value} is taken by {owners[value]}", "each service needs its own"
            )
        owners.setdefault(value, name)


def _routing(on: Mapping[str, Found]) -> Iterator[Fault]:
    for each in on.values():
        routes = each.manifest.routes
        for index, route in enumerate(routes):
            if route == "/internal" or route.startswith("/internal/"):
                yield each.source.fault(
                    ("routes", index), "/internal is for calls between modules only", "route another prefix"
                )
        for index, path in enumerate(each.manifest.public):
            if not any(_under(path.removesuffix("*"), route) for route in routes):
                yield each.source.fault(
                    ("public", index),
                    f"{path} is under none of this service's routes",
                    "add the route or remove it",
                )


def _under(path: str, route: str) -> bool:
    return path == route or path.startswith(route.rstrip("/") + "/")


def _upstreams(found: Mapping[str, Found]) -> Iterator[Fault]:
    for each in found.values():
        for path, name in each.manifest.upstreams.items():
            if name not in found:
                yield each.source.fault(
                    ("upstreams", path), f"no service is named {name!r}", suggest(name, found)
                )


def _databases(on: Mapping[str, Found]) -> Iterator[Fault]:
    servers = {name for name, each in on.items() if each.manifest.kind == "database"}
    for each in on.values():
        if each.manifest.database and not servers & set(each.manifest.needs.hard):
            yield each.source.fault(
                ("database",), "has a schema but hard-needs no database service", "add one to needs.hard"
            )


def _events(found: Mapping[str, Found]) -> Iterator[Fault]:
    for each in found.values():
        for teller, types in each.manifest.events.consumes.items():
            if teller not in found:
                continue
            told = found[teller].manifest.events.publishes
            for index, event in enumerate(types):
                if event not in told:
                    yield each.source.fault(
                        ("events", "consumes", teller, index),
                        f"{teller} publishes no {event!r}",
                        suggest(event, told),
                    )
