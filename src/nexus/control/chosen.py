"""Which part of a stack is to run: all of it, or the modules that `up --only` names."""

from __future__ import annotations

import json
from pathlib import Path

from nexus.control.addresses import Refused
from nexus.runtimes.memory import Memory
from nexus.stack import ManifestError, Stack, load_stack

ALL = "all"


def chosen_before(memory: Memory) -> tuple[str, ...]:
    """The modules that the last `up --only` named; all when there was none."""
    return tuple(json.loads(memory.get("only", "[]"))) or (ALL,)


def chosen_stack(root: Path, only: tuple[str, ...]) -> Stack:
    """The stack in `root`, or the part of it that `only` names, with the infrastructure it needs.

    The gateway is infrastructure: it stays as long as a module has routes or needs it.

    Raises:
        Refused: a manifest is wrong, or a hard need is left out.
    """
    try:
        stack = load_stack(root)
        if only == (ALL,):
            return stack
        if not only:
            raise Refused("--only names no module; write --only crm,sales or --only all")
        chosen = [stack.service(name) for name in only if stack.has(name)]
        gateways = [
            gateway.name
            for gateway in stack.of_kind("gateway")
            if any(service.routes or gateway.name in service.needs.hard for service in chosen)
        ]
        return stack.subset([*only, *gateways])
    except ManifestError as error:
        raise Refused(str(error)) from error
