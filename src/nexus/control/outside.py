"""What a command can know of a stack while no control loop runs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from nexus.control import secrets, status
from nexus.control.addresses import Addresses, Refused, addresses, planned
from nexus.control.as_run import as_run
from nexus.control.charge import onlooker
from nexus.control.chosen import ALL, chosen_before, chosen_stack
from nexus.control.facts import Facts, InstanceFacts
from nexus.control.keeper import RuntimeName
from nexus.control.plan_up import plan_up
from nexus.control.processes.demands import demands
from nexus.control.processes.outside import observe_from_outside
from nexus.control.releasing import Released, overlaid, released, standing
from nexus.plans import Plan
from nexus.releases import Catalogue
from nexus.releases.artefact import ArtefactError
from nexus.runtimes.containers.engine import EngineError
from nexus.runtimes.containers.logs import log_command
from nexus.runtimes.containers.project import Project
from nexus.runtimes.home import Home
from nexus.runtimes.memory import Blank, Memory
from nexus.runtimes.process.identity import alive
from nexus.runtimes.process.register import Register
from nexus.runtimes.protocol import Running
from nexus.runtimes.site import Site
from nexus.stack import ManifestError, Stack, load_stack


@dataclass(frozen=True)
class Remembered:
    """What the last `up` was given: the runtime, how far ports are moved, and which modules."""

    runtime: RuntimeName = "process"
    offset: int = 0
    only: tuple[str, ...] = (ALL,)


def plan_from_outside(
    home: Home,
    root: Path,
    runtime: RuntimeName | None,
    registry: str | None,
    offset: int | None,
    only: list[str] | None,
) -> Plan:
    """What `up` would do. None means: as remembered.

    Raises:
        Refused: a port is taken, a manifest is wrong, or the engine cannot run the stack.
    """
    kept = remembered(home)
    chosen = chosen_stack(root, tuple(only) if only is not None else kept.only)
    stack, told = _released(home, as_run(chosen, runtime or kept.runtime))
    moved = kept.offset if offset is None else offset
    if (runtime or kept.runtime) != "process":
        return asyncio.run(_plan_in_containers(home, stack, told, runtime or kept.runtime, registry, moved))
    demands(stack)
    running = {instance.service: stack.service(instance.service).port + moved for instance in leftovers(home)}
    found = addresses(stack, moved, running)
    return plan_up(stack, observe_from_outside(Site(stack, home, found.ports), found), told)


def _released(home: Home, sources: Stack) -> tuple[Stack, Released]:
    """The stack with its stable releases, and what differs in the sources; a home is not made."""
    if not home.database.exists():
        return sources, released(sources, {})
    catalogue = Catalogue(home.database)
    try:
        stable = standing(sources, catalogue, {each.service for each in leftovers(home)})
        return overlaid(sources, stable, catalogue, home), released(sources, stable)
    except ArtefactError as error:
        raise Refused(str(error)) from error
    finally:
        catalogue.close()


async def _plan_in_containers(
    home: Home, stack: Stack, told: Released, runtime: RuntimeName, registry: str | None, offset: int
) -> Plan:
    from nexus.control.containers.keeper import ContainerKeeper

    with _memory(home) as memory:
        if registry is not None:
            memory = Blank({"registry": registry.rstrip("/"), "releases": memory.get("releases", "{}")})
        keeper = ContainerKeeper(runtime, home, memory, onlooker(memory))
        there = Site(stack, home, planned(stack, offset), contained=True)
        await keeper.check(there)
        found = addresses(stack, offset, keeper.ours(there), by_engine=True)
        site = Site(stack, home, found.ports, contained=True)
        return plan_up(stack, await keeper.observe(site, found.notes), told)


def status_from_outside(home: Home, root: Path) -> dict[str, Any]:
    """The status: processes that an earlier control loop left running count as starting.

    Raises:
        Refused: a manifest is wrong, or the engine does not answer.
    """
    kept = remembered(home)
    stack, _ = _released(home, as_run(chosen_stack(root, kept.only), kept.runtime))
    ports = planned(stack, kept.offset)
    entry = status.control_entry(None, None, None, str(home.socket), 0.0, "")
    if kept.runtime != "process":
        seen = asyncio.run(_seen(home, Site(stack, home, ports, contained=True), kept.runtime))
        return status.status(stack, kept.runtime, ports, seen, entry)
    facts: Facts = observe_from_outside(Site(stack, home, ports), Addresses(ports))
    return status.status(stack, "process", ports, facts.instances, entry)


async def _seen(home: Home, site: Site, runtime: RuntimeName) -> Mapping[str, tuple[InstanceFacts, ...]]:
    from nexus.control.containers.keeper import ContainerKeeper

    with _memory(home) as memory:
        keeper = ContainerKeeper(runtime, home, memory, onlooker(memory))
        try:
            await keeper.look(site)
        except EngineError as error:
            raise Refused(str(error)) from error
        keeper.site = site
        return keeper.instances()


def remembered(home: Home) -> Remembered:
    """What the last `up` was given; nothing special when there was none."""
    if not home.database.exists():
        return Remembered()
    with _memory(home) as memory:
        runtime = cast(RuntimeName, memory.get("runtime", "process"))
        return Remembered(runtime, int(memory.get("offset") or 0), chosen_before(memory))


@contextmanager
def _memory(home: Home) -> Iterator[Memory]:
    """What is remembered in a home; a home that is not there is not made."""
    if not home.database.exists():
        yield Blank()
        return
    register = Register(home.database)
    try:
        yield register
    finally:
        register.close()


def leftovers(home: Home) -> list[Running]:
    """Instances that run although no control loop does."""
    if not home.database.exists():
        return []
    register = Register(home.database)
    try:
        return [r for r in register.known() if r.pid and alive(r.pid, r.birth)]
    finally:
        register.close()


def ports_in_use(home: Home, stack: Stack) -> dict[str, int]:
    """Where the services listen, as far as it is known."""
    from nexus.control.client import Client, ControlError

    found = planned(stack, remembered(home).offset)
    try:
        for service in Client(home).get("/v1/status", timeout=10.0)["services"]:
            if service["port"]:
                found[service["name"]] = service["port"]
    except (OSError, ControlError):
        return found
    return found


def contained_logs(home: Home, root: Path, lines: int, follow: bool) -> dict[str, tuple[str, ...]]:
    """Service → the command that prints its log, when the stack runs in containers; else nothing.

    Raises:
        Refused: a manifest is wrong.
    """
    kept = remembered(home)
    if kept.runtime == "process":
        return {}
    stack = chosen_stack(root, kept.only)
    project = Project(Site(stack, home, planned(stack, kept.offset), contained=True))
    return {
        service.name: log_command(kept.runtime, project.name, service.name, lines, follow)
        for service in stack.services
    }


def stack_name(home: Home, root: Path) -> str:
    """The name of the stack whose state lies in `home`.

    Raises:
        Refused: there is no readable stack.
    """
    try:
        return load_stack(root).name
    except ManifestError as error:
        raise Refused(str(error)) from error


def remembered_stack(home: Home, root: Path) -> Stack:
    """What the folders of the stack hold, of the modules that the last `up` was given.

    Raises:
        Refused: a manifest is wrong.
    """
    return chosen_stack(root, remembered(home).only)


def make_secrets(home: Home, root: Path) -> int:
    """Makes the secret files of a stack in containers; returns how many were written.

    Raises:
        Refused: a manifest is wrong, or the stack runs as processes, whose secrets these would replace.
    """
    kept = remembered(home)
    if leftovers(home):
        raise Refused("this stack runs as processes; take it down first, or set NEXUS_HOME to another folder")
    stack = chosen_stack(root, kept.only)
    site = Site(stack, home, planned(stack, kept.offset), contained=True)
    home.furnish()
    missing = sum(len(names) for names in secrets.missing(site).values())
    secrets.create(site, lambda service: None)
    return missing
