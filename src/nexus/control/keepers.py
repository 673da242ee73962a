"""The keeper of each runtime."""

from __future__ import annotations

from nexus.control.containers.keeper import ContainerKeeper
from nexus.control.keeper import Keeper, RuntimeName, Tell
from nexus.control.processes.keeper import ProcessKeeper
from nexus.control.wanted import Wanted
from nexus.runtimes.home import Home
from nexus.runtimes.process.register import Register


def keeper_of(runtime: RuntimeName, home: Home, register: Register, wanted: Wanted, tell: Tell) -> Keeper:
    """What keeps a stack on this runtime."""
    if runtime == "process":
        return ProcessKeeper(home, register, wanted, tell)
    return ContainerKeeper(runtime, home, register, wanted, tell)
