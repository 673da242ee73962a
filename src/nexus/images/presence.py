"""Which images are there already: in the engine, or in a registry."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable

from nexus.images.reference import ImageRef, image_of
from nexus.runtimes.containers.engine import Engine, EngineError
from nexus.stack import Service, Stack

_ABSENT = re.compile(r"no such manifest|manifest unknown|name unknown|NAME_UNKNOWN|MANIFEST_UNKNOWN")


async def built(engine: Engine, stack: Stack, services: Iterable[Service], registry: str = "") -> set[str]:
    """Return the names of those services whose release has an image: in the registry, else in the engine.

    Raises:
        EngineError: the engine or the registry does not answer.
    """
    references = {service.name: image_of(stack, service, registry) for service in services}
    if registry:
        found = await asyncio.gather(*(in_registry(engine, each) for each in references.values()))
        return {name for name, there in zip(references, found, strict=True) if there}
    local = await in_engine(engine)
    return {name for name, reference in references.items() if str(reference) in local}


async def in_engine(engine: Engine) -> set[str]:
    """Return `repository:tag` of every image that the engine holds."""
    out = await engine.command("image", "ls", "--format", "{{.Repository}}:{{.Tag}}")
    return set(out.split())


async def in_registry(engine: Engine, reference: ImageRef) -> bool:
    """Whether a registry holds the image.

    Raises:
        EngineError: the registry does not answer, or asks for a login.
    """
    said: list[str] = []
    try:
        await engine.command("manifest", "inspect", "--insecure", str(reference), said=said.append)
    except EngineError:
        if said and _ABSENT.search("\n".join(said)):
            return False
        if not said:
            raise
        raise EngineError(
            f"the registry of {reference} cannot be asked ({said[-1].strip()}); check its address, or log in "
            "with `docker login`"
        ) from None
    return True
