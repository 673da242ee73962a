"""What is told of the instances of services while a deployment is under way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from nexus.control.facts import InstanceFacts

if TYPE_CHECKING:
    from nexus.control.world import World

Emit = Callable[[dict[str, Any]], None]


@contextmanager
def instances_told(world: World, services: tuple[str, ...], tell: Emit) -> Iterator[None]:
    """While the block runs, every change of an instance of these services is told with all of them, and what
    happens inside their migrations.
    """

    def heard(event: dict[str, Any]) -> None:
        if event.get("event") == "instance" and event.get("service") in services:
            tell(_picture(world, event["service"]))
        elif event.get("event") == "told" and event.get("module") in services:
            tell(event)

    for name in services:
        tell(_picture(world, name))
    world.listeners.add(heard)
    try:
        yield
    finally:
        world.listeners.discard(heard)


def _picture(world: World, service: str) -> dict[str, Any]:
    found = world.keeper.instances().get(service, ())
    return {
        "event": "instances",
        "service": service,
        "instances": [_told(each) for each in found if each.alive],
    }


def _told(each: InstanceFacts) -> dict[str, Any]:
    return {"id": each.id, "side": each.side, "state": each.state, "release": each.release}
