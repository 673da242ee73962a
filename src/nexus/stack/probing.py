"""What probes cannot check alone: processes, routes, secrets and variables across the whole stack."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from nexus.stack.errors import Fault, suggest
from nexus.stack.found import Found
from nexus.stack.probe import RUN, Probe, ProbeManifest, variables
from nexus.stack.reading import Location, Source
from nexus.stack.stackfile import StackManifest


def read_probes(stack: StackManifest, found: Mapping[str, Found]) -> dict[str, Probe]:
    """The probes of a stack without faults, each with all services that it needs."""
    probes = {}
    for name, told in stack.probes.items():
        carriers = [_carrier(step.request, found) for step in told.steps]
        probes[name] = Probe.build(name, told, tuple(each for each in carriers if each))
    return probes


def check_probes(stack: StackManifest, source: Source, found: Mapping[str, Found]) -> Iterator[Fault]:
    """Return every fault between the probes and the rest of the stack."""
    for name, probe in stack.probes.items():
        place: Location = ("probes", name)
        if probe.process not in stack.processes:
            yield source.fault(
                (*place, "process"),
                f"no process is named {probe.process!r}",
                suggest(probe.process, stack.processes),
            )
        for index, need in enumerate(probe.needs):
            if need not in found:
                yield source.fault(
                    (*place, "needs", index), f"no service is named {need!r}", suggest(need, found)
                )
        yield from _secrets(place, probe, source, found)
        yield from _steps(place, probe, source, found)


def _secrets(
    place: Location, probe: ProbeManifest, source: Source, found: Mapping[str, Found]
) -> Iterator[Fault]:
    for variable, secret in probe.secrets.items():
        service, _, name = secret.partition("/")
        where: Location = (*place, "secrets", variable)
        if service not in found:
            yield source.fault(where, f"no service is named {service!r}", suggest(service, found))
        elif name not in found[service].manifest.secrets:
            known = found[service].manifest.secrets
            yield source.fault(where, f"{service} declares no secret {name!r}", suggest(name, known))


def _steps(
    place: Location, probe: ProbeManifest, source: Source, found: Mapping[str, Found]
) -> Iterator[Fault]:
    known = {RUN, *probe.secrets}
    names: set[str] = set()
    for index, step in enumerate(probe.steps):
        where: Location = (*place, "steps", index)
        if step.name in names:
            yield source.fault((*where, "name"), f"two steps are named {step.name!r}", "rename one of them")
        names.add(step.name)
        if _carrier(step.request, found) is None:
            path = step.request.partition(" ")[2]
            yield source.fault(
                (*where, "request"), f"{path} is under no service's routes", "mend the path, or add the route"
            )
        for field, value in (("request", step.request), ("body", step.body)):
            yield from _unknown(source, (*where, field), value, known)
        known |= set(step.keep)
    for header, text in probe.headers.items():
        yield from _unknown(source, (*place, "headers", header), text, known)


def _unknown(source: Source, place: Location, value: object, known: set[str]) -> Iterator[Fault]:
    for variable in variables(value):
        if variable not in known:
            yield source.fault(
                place,
                f"{{{variable}}} is kept by no step before it",
                f"known here: {', '.join(sorted(known))}",
            )


def _carrier(request: str, found: Mapping[str, Found]) -> str | None:
    """The service whose route a request is under: the longest that fits."""
    path = request.partition(" ")[2]
    fitting = [
        (len(route), name)
        for name, each in found.items()
        for route in each.manifest.routes
        if path == route or path.startswith(route.rstrip("/") + "/")
    ]
    return max(fitting)[1] if fitting else None
