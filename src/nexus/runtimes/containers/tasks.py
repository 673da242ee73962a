"""What the managers of a Swarm tell of its tasks, as our own values. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from nexus.runtimes.containers.container import HOME_LABEL, RELEASE_LABEL, Container, State
from nexus.runtimes.containers.units import instance_of, sides_of

COMING = frozenset({"new", "allocated", "pending", "assigned", "accepted", "preparing", "ready", "starting"})
ALIVE = COMING | {"running"}
Told = Mapping[str, Any]


def containers_of(
    tasks: Iterable[Told], units: Mapping[str, str], hosts: Mapping[str, str]
) -> tuple[tuple[Container, ...], tuple[Container, ...]]:
    """The tasks that are to run, and those that others have taken the place of and that had a container.

    `units`: the units' names by service id; tasks of others are left out. `hosts`: the nodes' names by id.
    """
    known = [task for task in tasks if task["ServiceID"] in units]
    failed: dict[str, int] = {}
    for task in known:
        if task["Status"]["State"] in ("failed", "rejected"):
            failed[_slot(task)] = failed.get(_slot(task), 0) + 1
    told = [
        (task["DesiredState"], _container(task, units[task["ServiceID"]], _host(task, hosts), failed))
        for task in known
    ]
    running = [container for wanted, container in told if wanted == "running"]
    ended = [each for wanted, each in told if wanted != "running" and each.id != each.task[:12]]
    return tuple(sorted(running, key=lambda each: (each.service, each.instance))), tuple(ended)


def _host(task: Told, hosts: Mapping[str, str]) -> str:
    return hosts.get(task.get("NodeID", ""), "")


def _slot(task: Told) -> str:
    return f"{task['ServiceID']}.{task.get('Slot') or task.get('NodeID', '')}"


def _container(task: Told, unit: str, host: str, failed: Mapping[str, int]) -> Container:
    status, spec = task["Status"], task["Spec"]["ContainerSpec"]
    service, side = sides_of(unit)
    state: State = "ready" if status["State"] == "running" else "starting"
    if status["State"] not in ALIVE:
        state = "down"
    inside = status.get("ContainerStatus") or {}
    return Container(
        service=service,
        instance=instance_of(unit, task.get("Slot") or host),
        id=(inside.get("ContainerID") or task["ID"])[:12],
        state=state,
        release=(spec.get("Labels") or {}).get(RELEASE_LABEL, ""),
        since=datetime.fromisoformat(status["Timestamp"][:19] + "+00:00").timestamp(),
        restarts=failed.get(_slot(task), 0),
        task=task["ID"],
        node=host,
        owner=(spec.get("Labels") or {}).get(HOME_LABEL, ""),
        why="" if state == "ready" else str(status.get("Err") or status.get("Message", "")),
        side=side,
        addresses=_addresses(task),
    )


def _addresses(task: Told) -> frozenset[str]:
    """Without the lengths of their networks' prefixes."""
    networks = task.get("NetworksAttachments") or ()
    return frozenset(each.partition("/")[0] for one in networks for each in one.get("Addresses") or ())
