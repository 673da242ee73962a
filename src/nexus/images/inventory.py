"""The images of a stack that an engine holds: of which brick and release, how large, who uses them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from nexus.images.presence import in_engine
from nexus.images.reference import image_of
from nexus.images.sources import PARTS_LABEL, SERVICE_LABEL, STACK_LABEL, bricks
from nexus.render.dockerfile import BASES
from nexus.runtimes.containers.engine import Engine
from nexus.stack import Service, Stack

_RELEASE = re.compile(r"[0-9a-f]{12}")


@dataclass(frozen=True)
class Stored:
    """An image of a brick in the engine. `parts`: what it was built from, path → digest."""

    identity: str
    service: str
    names: tuple[str, ...]
    created: datetime
    size: int
    layers: tuple[str, ...]
    parts: Mapping[str, str]

    @property
    def is_release(self) -> bool:
        """Whether all its names are those of releases; others were given by hand and are left alone."""
        return all(_RELEASE.fullmatch(name.rpartition(":")[2]) for name in self.names)


@dataclass(frozen=True)
class Shown:
    """A brick's image as operators see it. Sizes in bytes; `above_base` is None without the base."""

    service: str
    image: str
    stored: Stored | None
    above_base: int | None
    shared_layers: int


async def stored(engine: Engine, stack: Stack) -> tuple[Stored, ...]:
    """Return the images of this stack in the engine, the newest first.

    Raises:
        EngineError: the engine does not answer.
    """
    named = (
        await engine.command(
            "image", "ls", "--quiet", "--no-trunc", "--filter", f"label={STACK_LABEL}={stack.name}"
        )
    ).split()
    found = [_stored(facts) for facts in await _inspect(engine, dict.fromkeys(named))]
    return tuple(sorted(found, key=lambda each: each.created, reverse=True))


async def shown(engine: Engine, stack: Stack, registry: str = "") -> tuple[Shown, ...]:
    """Return one row per brick that has an image of its own.

    Raises:
        EngineError: the engine does not answer.
    """
    services = bricks(stack)
    by_name = {name: each for each in await stored(engine, stack) for name in each.names}
    current = {s.name: by_name.get(str(image_of(stack, s, registry))) for s in services}
    bases = await _bases(engine, services)
    rows = []
    for service in services:
        image = current[service.name]
        others = [each for name, each in current.items() if each and name != service.name]
        rows.append(
            Shown(
                service=service.name,
                image=str(image_of(stack, service, registry)),
                stored=image,
                above_base=_above(image, bases.get(service.image or BASES[service.runtime])),
                shared_layers=_shared(image, others),
            )
        )
    return tuple(rows)


async def _inspect(engine: Engine, names: Iterable[str]) -> list[Any]:
    wanted = list(names)
    return list(await engine.json("image", "inspect", *wanted)) if wanted else []


async def _bases(engine: Engine, services: Iterable[Service]) -> dict[str, Any]:
    there = await in_engine(engine)
    wanted = dict.fromkeys(service.image or BASES[service.runtime] for service in services)
    names = [name for name in wanted if name in there]
    return dict(zip(names, await _inspect(engine, names), strict=True))


def _stored(facts: Any) -> Stored:
    labels = facts["Config"].get("Labels") or {}
    return Stored(
        identity=facts["Id"],
        service=labels.get(SERVICE_LABEL, ""),
        names=tuple(facts["RepoTags"] or ()),
        created=datetime.fromisoformat(facts["Created"]),
        size=int(facts["Size"]),
        layers=tuple(facts["RootFS"].get("Layers") or ()),
        parts=json.loads(labels.get(PARTS_LABEL, "{}")),
    )


def _above(image: Stored | None, base: Any) -> int | None:
    if image is None or base is None:
        return None
    layers = tuple(base["RootFS"].get("Layers") or ())
    return image.size - int(base["Size"]) if image.layers[: len(layers)] == layers else None


def _shared(image: Stored | None, others: Iterable[Stored]) -> int:
    """How many of its layers another brick's image has too, so that they are kept and sent once."""
    if image is None:
        return 0
    known = {layer for other in others for layer in other.layers}
    return sum(layer in known for layer in image.layers)
