"""What an engine calls the two sides of a service while a release of it is let in."""

from __future__ import annotations

from typing import Literal

Side = Literal["stable", "candidate"]
NEXT = "_next"  # no service's own name has a `_`


def unit_of(service: str, side: Side) -> str:
    """The engine's name for one side of a service."""
    return f"{service}{NEXT}" if side == "candidate" else service


def sides_of(unit: str) -> tuple[str, Side]:
    """The service and the side that an engine's name stands for."""
    return (unit.removesuffix(NEXT), "candidate") if unit.endswith(NEXT) else (unit, "stable")


def instance_of(unit: str, number: object) -> str:
    """What an instance is called: `sales-1`, and `sales-next-1` of a candidate."""
    return f"{unit.replace('_', '-')}-{number}"
