"""What an engine must have before a stack may be planned for it."""

from __future__ import annotations

import asyncio

from nexus.control.keeper import RuntimeName
from nexus.images.presence import in_registry
from nexus.images.reference import ImageRef
from nexus.render import RenderError
from nexus.render.containers.files import DATA_LABEL, container_specs
from nexus.runtimes.containers.engine import Engine, EngineError
from nexus.stack import Stack


async def demands(engine: Engine, stack: Stack, runtime: RuntimeName, registry: str) -> None:
    """Looks at the engine, its Swarm, and the images that others made.

    Raises:
        EngineError: something is missing; says what, and how to mend it.
    """
    await engine.check(swarm=runtime == "swarm")
    try:
        specs = container_specs(stack, {})
    except RenderError as error:
        raise EngineError(str(error)) from error
    if runtime == "swarm":
        await _swarm(engine, registry, pinned=any(spec.pinned for spec in specs))
    foreign = {spec.image for spec in specs if not spec.dockerfile}
    local = set((await engine.command("image", "ls", "--format", "{{.Repository}}:{{.Tag}}")).split())
    await asyncio.gather(*(_exists(engine, image) for image in sorted(foreign - local)))


async def _swarm(engine: Engine, registry: str, pinned: bool) -> None:
    nodes = (await engine.command("node", "ls", "--quiet")).split()
    if len(nodes) > 1 and not registry:
        raise EngineError(
            f"a Swarm of {len(nodes)} nodes fetches images from a registry; name one that all nodes reach: "
            "--registry HOST:PORT"
        )
    if not pinned:
        return
    labelled = await engine.command("node", "ls", "--quiet", "--filter", f"node.label={DATA_LABEL}=true")
    if len(labelled.split()) != 1:
        raise EngineError(
            f"{len(labelled.split())} nodes of this Swarm are labelled to hold the databases' data; choose "
            f"exactly one: docker node update --label-add {DATA_LABEL}=true NODE"
        )


async def _exists(engine: Engine, image: str) -> None:
    repository, _, tag = image.partition(":")
    try:
        there = await in_registry(engine, ImageRef(repository, tag or "latest"))
    except EngineError as error:
        raise EngineError(
            f"the image {image} is not on this machine, and its registry cannot be asked: {error}"
        ) from error
    if not there:
        raise EngineError(f"the image {image} does not exist; correct `image` in the manifest")
