"""The keeper of each runtime."""

from __future__ import annotations

from nexus.control.charge import Charge
from nexus.control.containers.keeper import ContainerKeeper
from nexus.control.keeper import Keeper, RuntimeName
from nexus.control.processes.keeper import ProcessKeeper
from nexus.runtimes.home import Home
from nexus.runtimes.process.register import Register


def keeper_of(runtime: RuntimeName, home: Home, register: Register, charge: Charge) -> Keeper:
    """What keeps a stack on this runtime."""
    if runtime == "process":
        return ProcessKeeper(home, register, charge)
    return ContainerKeeper(runtime, home, register, charge)
