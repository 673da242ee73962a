"""What a command can know of a stack while no control loop runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nexus.control import status
from nexus.control.addresses import Addresses, Refused, addresses, planned
from nexus.control.facts import Facts
from nexus.control.observe import observe_from_outside
from nexus.control.operations import ALL, chosen_before, chosen_stack
from nexus.control.plan_up import plan_up
from nexus.plans import Plan
from nexus.runtimes.home import Home
from nexus.runtimes.process.identity import alive
from nexus.runtimes.process.register import Register
from nexus.runtimes.process.site import Site
from nexus.runtimes.protocol import Running
from nexus.stack import ManifestError, Stack, load_stack


def plan_from_outside(home: Home, root: Path, offset: int | None, only: list[str] | None) -> Plan:
    """What `up` would do.

    Raises:
        Refused: a port is taken, or a manifest is wrong.
    """
    kept_offset, kept_only = remembered(home)
    stack = chosen_stack(root, tuple(only) if only is not None else kept_only)
    moved = kept_offset if offset is None else offset
    running = {instance.service: stack.service(instance.service).port + moved for instance in leftovers(home)}
    found = addresses(stack, moved, running)
    return plan_up(stack, observe_from_outside(Site(stack, home, found.ports), found))


def status_from_outside(home: Home, root: Path) -> dict[str, Any]:
    """The status: services that an earlier control loop left running count as starting.

    Raises:
        Refused: a manifest is wrong.
    """
    offset, only = remembered(home)
    stack = chosen_stack(root, only)
    ports = planned(stack, offset)
    facts: Facts = observe_from_outside(Site(stack, home, ports), Addresses(ports))
    entry = status.control_entry(None, None, str(home.socket), 0.0, "")
    return status.status(stack, "process", ports, facts.instances, entry)


def remembered(home: Home) -> tuple[int, tuple[str, ...]]:
    """The port offset and the choice of modules that the last `up` was given."""
    if not home.database.exists():
        return 0, (ALL,)
    register = Register(home.database)
    try:
        return int(register.get("offset") or 0), chosen_before(register)
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

    found = planned(stack, remembered(home)[0])
    try:
        for service in Client(home).get("/v1/status", timeout=10.0)["services"]:
            if service["port"]:
                found[service["name"]] = service["port"]
    except (OSError, ControlError):
        return found
    return found


def stack_name(home: Home, root: Path) -> str:
    """The name of the stack whose state lies in `home`.

    Raises:
        Refused: there is no readable stack.
    """
    try:
        return load_stack(root).name
    except ManifestError as error:
        raise Refused(str(error)) from error
