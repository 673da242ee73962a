"""Removing old images of a stack."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from nexus.images.inventory import Stored, stored
from nexus.images.sources import bricks
from nexus.runtimes.containers.engine import Engine
from nexus.stack import Stack

KEPT = 3


@dataclass(frozen=True)
class Pruned:
    """An image that was removed."""

    service: str
    names: tuple[str, ...]
    identity: str


async def prune(engine: Engine, stack: Stack, keep: int = KEPT) -> tuple[Pruned, ...]:
    """Remove this stack's images beyond the newest `keep` of each brick.

    What a container uses stays, whether it runs or not; so does what the stack would run now, and what was
    named by hand.

    Raises:
        EngineError: the engine does not answer.
    """
    now = {(service.name, service.digest) for service in bricks(stack)}
    old = expendable(await stored(engine, stack), now, await _used(engine), keep)
    for image in old:
        await engine.command("image", "rm", *(image.names or (image.identity,)))
    return tuple(Pruned(image.service, image.names, image.identity) for image in old)


def expendable(
    images: tuple[Stored, ...], now: set[tuple[str, str]], used: set[str], keep: int
) -> tuple[Stored, ...]:
    """Return the images that may go. `images` are sorted, the newest first. Pure."""
    kept: dict[str, int] = defaultdict(int)
    old = []
    for image in images:
        if not image.is_release:
            continue
        if image.names and (kept[image.service] < keep or now & _releases(image)):
            kept[image.service] += 1
        elif image.identity not in used:
            old.append(image)
    return tuple(old)


def _releases(image: Stored) -> set[tuple[str, str]]:
    """Service and tag under each of an image's names, whatever registry they begin with."""
    return {(image.service, name.rpartition(":")[2]) for name in image.names}


async def _used(engine: Engine) -> set[str]:
    """The identities of images that containers were made from."""
    containers = (await engine.command("ps", "--all", "--quiet", "--no-trunc")).split()
    if not containers:
        return set()
    return set((await engine.command("inspect", "--format", "{{.Image}}", *containers)).split())
