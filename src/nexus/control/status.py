"""The status of a stack, in the stable form that `nexus status --json` prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from nexus.control.facts import InstanceFacts, State
from nexus.runtimes.site import LOOPBACK
from nexus.stack import Service, Stack


def status(
    stack: Stack,
    runtime: str,
    ports: Mapping[str, int],
    instances: Mapping[str, Sequence[InstanceFacts]],
    control: Mapping[str, Any],
) -> dict[str, Any]:
    """What `nexus status --json` prints. `control` is the control loop's own entry. Pure."""
    serving = {s.name for s in stack.services if any(i.state == "ready" for i in instances.get(s.name, ()))}
    services = [
        {
            "name": service.name,
            "kind": service.kind,
            "port": ports[service.name],
            "state": service_state(service, instances.get(service.name, ()), serving),
            "release": next(
                (i.release for i in _stable(instances.get(service.name, ())) if i.alive), service.release
            ),
            "instances": [_instance(instance) for instance in instances.get(service.name, ())],
            "missing": sorted(_needs(service) - serving),
        }
        for service in stack.services
    ]
    return {
        "stack": stack.name,
        "runtime": runtime,
        "ready": control["state"] == "ready"
        and all(_full(s, instances.get(s.name, ())) for s in stack.services),
        "services": [*services, control],
    }


def _needs(service: Service) -> set[str]:
    """What it needs, hard or soft: a module that has lost Redis still writes, but its events wait."""
    return {*service.needs.hard, *service.needs.soft}


def service_state(service: Service, instances: Sequence[InstanceFacts], serving: set[str]) -> State:
    """down: no process; starting: none is ready; degraded: some are not, or something it needs is missing.

    Instances of a release that is only being let in do not count.
    """
    alive = [instance for instance in _stable(instances) if instance.alive]
    if not alive:
        return "down"
    ready = [instance for instance in alive if instance.state == "ready"]
    if not ready:
        return "degraded" if any(instance.state == "degraded" for instance in alive) else "starting"
    if len(ready) < service.scale.min or _needs(service) - serving:
        return "degraded"
    return "ready"


def control_entry(
    pid: int | None,
    guard: int | None,
    collector: int | None,
    socket: str,
    since: float,
    release: str,
    stream: int | None = None,
) -> dict[str, Any]:
    """The control loop as a service of its own: the loop, its guard, the collector of telemetry, and the
    stream of what is committed.
    """
    alive = [
        ("control-loop", pid),
        ("control-guard", guard),
        ("control-collector", collector),
        ("control-stream", stream),
    ]
    return {
        "name": "control",
        "kind": "control",
        "port": None,
        "state": "down" if pid is None else "ready" if guard else "degraded",
        "release": release,
        "instances": [
            {
                "id": name,
                "pid": number,
                "container": "",
                "node": "",
                "address": socket,
                "state": "ready" if number else "down",
                "since": _time(since),
                "restarts": 0,
            }
            for name, number in alive
            if number
        ],
        "missing": [],
    }


def _full(service: Service, instances: Sequence[InstanceFacts]) -> bool:
    return sum(1 for instance in _stable(instances) if instance.state == "ready") >= service.scale.min


def _stable(instances: Sequence[InstanceFacts]) -> list[InstanceFacts]:
    """Without those of a release that is only being let in."""
    return [instance for instance in instances if instance.side == "stable"]


def _instance(instance: InstanceFacts) -> dict[str, Any]:
    return {
        "id": instance.id,
        "pid": instance.pid or None,
        "container": instance.container,
        "node": instance.node,
        "address": "" if instance.container else f"{LOOPBACK}:{instance.port}",
        "release": instance.release,
        "side": instance.side,
        "state": instance.state,
        "since": _time(instance.since),
        "restarts": instance.restarts,
        "why": instance.why,
    }


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
