"""Which images are to be built, and why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from nexus.images.inventory import Stored, stored
from nexus.images.presence import built
from nexus.images.reference import ImageRef, image_of
from nexus.images.sources import changed, parts
from nexus.runtimes.containers.engine import Engine
from nexus.stack import Service, Stack


@dataclass(frozen=True)
class Planned:
    """A brick's image: there, or to be built because of `changed` parts; none: it was never built."""

    service: Service
    reference: ImageRef
    present: bool
    changed: tuple[str, ...]


async def plan(
    engine: Engine, stack: Stack, services: Iterable[Service], registry: str = "", push: bool = False
) -> tuple[Planned, ...]:
    """Return what a build of these services would do. With `push`, the registry's images count.

    Raises:
        EngineError: the engine or the registry does not answer.
    """
    wanted = tuple(services)
    known = await stored(engine, stack)
    local = {name for each in known for name in each.names}
    there = (
        await built(engine, stack, wanted, registry)
        if push
        else {each.name for each in wanted if str(image_of(stack, each, registry)) in local}
    )
    return tuple(
        Planned(
            service=each,
            reference=image_of(stack, each, registry),
            present=each.name in there,
            changed=() if each.name in there else _changed(stack, each, known),
        )
        for each in wanted
    )


def _changed(stack: Stack, service: Service, known: Iterable[Stored]) -> tuple[str, ...]:
    before = next((each for each in known if each.service == service.name and each.parts), None)
    return changed(parts(stack, service), before.parts) if before else ()
