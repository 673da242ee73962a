"""Orders to the managers of a Swarm that hold only where nobody else has given one meanwhile.

Every change of a service names the version that was seen (Docker Engine API, `POST /services/{id}/update`,
`version`): the managers agree by Raft on one order of all changes, and refuse what names an older one.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from nexus.runtimes.containers.engine import Engine, EngineError
from nexus.runtimes.containers.tasks import ALIVE
from nexus.runtimes.containers.words import last_words

POLL = 0.25
JOB_LIMIT = 120.0
OWNER = "999:999"  # of what lies in a database's volume
FAILED = ("failed", "rejected", "orphaned")
Told = Mapping[str, Any]


class Overtaken(EngineError):
    """Somebody else has changed the service since it was looked at."""


@dataclass(frozen=True)
class Node:
    """A node. `ready`: the managers hear of it; `active`: it may be given tasks."""

    id: str
    host: str
    ready: bool
    active: bool


@dataclass(frozen=True)
class Where:
    """A task that is not known to have ended, and whether its node is heard of."""

    node: Node | None
    state: str


class Managers:
    """The managers, as one of them answers. `project`: the name of the stack on the Swarm."""

    def __init__(self, engine: Engine, project: str) -> None:
        self._engine = engine
        self._project = project

    async def nodes(self) -> tuple[Node, ...]:
        """All nodes."""
        async with self._engine.api() as api:
            found = await api.nodes.list()
        return tuple(
            Node(
                each["ID"],
                each["Description"]["Hostname"],
                each["Status"]["State"] == "ready",
                each["Spec"]["Availability"] == "active",
            )
            for each in found
        )

    async def service(self, unit: str) -> Told | None:
        """What the managers know of a service; None where there is none."""
        name = f"{self._project}_{unit}"
        async with self._engine.api() as api:
            found = await api.services.list(filters={"name": [name]})
        return next((each for each in found if each["Spec"]["Name"] == name), None)

    async def order(self, seen: Told, change: Callable[[dict[str, Any]], None]) -> None:
        """Changes the specification of a service, as it was seen.

        Raises:
            Overtaken: it was changed since.
            EngineError: the managers refuse.
        """
        from aiodocker.exceptions import DockerError

        spec = copy.deepcopy(dict(seen["Spec"]))
        change(spec)
        async with self._engine.api() as api:
            try:
                await api._query_json(
                    f"services/{seen['ID']}/update",
                    method="POST",
                    data=spec,
                    params={"version": str(seen["Version"]["Index"])},
                )
            except DockerError as error:
                if "out of sequence" in str(error.message):
                    raise Overtaken(
                        f"somebody else changed {spec['Name']} meanwhile; run the same command again"
                    ) from error
                raise

    async def living(self, unit: str) -> tuple[Where, ...]:
        """The tasks of a service that are not known to have ended."""
        if await self.service(unit) is None:
            return ()
        async with self._engine.api() as api:
            tasks = await api.tasks.list(filters={"service": [f"{self._project}_{unit}"]})
        nodes = {each.id: each for each in await self.nodes()}
        return tuple(
            Where(nodes.get(each.get("NodeID", "")), each["Status"]["State"])
            for each in tasks
            if each["Status"]["State"] in ALIVE
        )

    async def job(self, name: str, node: Node, volume: str, at: str, image: str, script: str) -> None:
        """Runs a script once on a node, as PostgreSQL's user, with a volume of it mounted at `at`.

        Raises:
            EngineError: it failed, or has not ended after two minutes.
        """
        full = f"{self._project}_{name}"
        if await self.service(name) is not None:
            await self._engine.command("service", "rm", full)
        await self._engine.command(
            *("service", "create", "--detach", "--quiet", "--name", full, "--mode", "replicated-job"),
            *("--label", f"com.docker.stack.namespace={self._project}"),
            *("--constraint", f"node.id=={node.id}", "--restart-condition", "none", "--no-healthcheck"),
            *("--user", OWNER, "--cap-drop", "ALL"),
            *("--mount", f"type=volume,source={self._project}_{volume},target={at}"),
            *("--entrypoint", "sh", image, "-euc", script),
        )
        try:
            await self._ended(full, name, node)
        finally:
            await self._engine.command("service", "rm", full)

    async def _ended(self, full: str, name: str, node: Node) -> None:
        give_up = asyncio.get_running_loop().time() + JOB_LIMIT
        while True:
            async with self._engine.api() as api:
                tasks = await api.tasks.list(filters={"service": [full]})
            states = {each["Status"]["State"] for each in tasks}
            if "complete" in states:
                return
            if states & set(FAILED) or asyncio.get_running_loop().time() > give_up:
                words = await last_words(self._engine, "service", "logs", "--raw", "--tail", "3", full)
                raise EngineError(f"{name} on {node.host} is {', '.join(sorted(states)) or 'new'}{words}")
            await asyncio.sleep(POLL)


def stopped(decision: int, label: str) -> Callable[[dict[str, Any]], None]:
    """Has no task of a service run, by this decision."""

    def change(spec: dict[str, Any]) -> None:
        spec["Mode"] = {"Replicated": {"Replicas": 0}}
        spec["Labels"] = {**(spec.get("Labels") or {}), label: str(decision)}

    return change


def decision_of(service: Told | None, label: str) -> int:
    """The number of the last decision that a service is there by; 0 where there was none."""
    return int(((service or {}).get("Spec", {}).get("Labels") or {}).get(label, 0))


def tasks_of(service: Told | None) -> int:
    """How many tasks of a service are to run."""
    mode = (service or {}).get("Spec", {}).get("Mode", {})
    return int((mode.get("Replicated") or {}).get("Replicas") or 0)


def volumes_of(service: Told | None) -> tuple[str, ...]:
    """The volumes that a service's containers have."""
    container = (service or {}).get("Spec", {}).get("TaskTemplate", {}).get("ContainerSpec", {})
    return tuple(each["Source"] for each in container.get("Mounts") or () if each["Type"] == "volume")
