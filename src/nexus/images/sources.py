"""What an image is built from: whether all of it is there, and what changed since another build."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from nexus.images.context import is_artefact, laid_out, places
from nexus.images.errors import SourceError
from nexus.render.containers.telemetry import DOCKERFILE as AGENT_DOCKERFILE
from nexus.render.containers.telemetry import PLATFORM, agent, telemetry_recipe
from nexus.render.dockerfile import BASES, DOCKERFILE, MARK, dockerfiles
from nexus.stack import Service, Stack
from nexus.stack.digest import content_digest

PARTS_LABEL = "nexus.parts"
STACK_LABEL = "nexus.stack"
SERVICE_LABEL = "nexus.service"


@dataclass(frozen=True)
class Placed:
    """A rendered file beside a brick. `own`: the team's own file, which stays as it is."""

    path: Path
    state: Literal["written", "unchanged", "own"]


@dataclass(frozen=True)
class Recipe:
    """A Dockerfile, and the folder whose files its build may take."""

    dockerfile: Path
    context: Path


def place_dockerfiles(stack: Stack) -> tuple[Placed, ...]:
    """Write the Dockerfile of each brick that has none of its own; return what became of each."""
    placed = []
    for path, text in dockerfiles(stack).items():
        file = stack.root / path
        there = file.read_text() if file.exists() else None
        own = there is not None and not is_rendered(there)
        if there is None or (not own and there != text):
            file.write_text(text)
            placed.append(Placed(path, "written"))
        else:
            placed.append(Placed(path, "own" if own else "unchanged"))
    return tuple(placed)


def is_rendered(text: str) -> bool:
    """Whether a file beside a brick is ours to write over."""
    return text.startswith(MARK)


def is_buildable(service: Service) -> bool:
    """Whether a service has an image of its own; all others run official ones."""
    return service.is_brick and service.runtime in BASES


def bricks(stack: Stack) -> tuple[Service, ...]:
    """Return the services of a stack in containers that have images of their own; the agent is the last."""
    return (*(service for service in stack.services if is_buildable(service)), agent())


@contextmanager
def recipe(stack: Stack, service: Service) -> Iterator[Recipe]:
    """What a service's image is built with; what lies elsewhere is laid out for a while.

    Raises:
        SourceError: see `dockerfile_of`.
    """
    if service != agent():
        if is_artefact(stack, service):
            with laid_out(stack, service) as root:
                yield Recipe(root / service.place / DOCKERFILE, root)
        else:
            yield Recipe(dockerfile_of(stack, service), stack.root)
        return
    with tempfile.TemporaryDirectory(prefix="nexus-") as folder:
        for name, text in telemetry_recipe().items():
            path = Path(folder) / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        yield Recipe(Path(folder) / AGENT_DOCKERFILE, PLATFORM)


def dockerfile_of(stack: Stack, service: Service) -> Path:
    """Return the Dockerfile a service's image is built with.

    Raises:
        SourceError: something it is built from is absent, or its Dockerfile is not what the manifest says.
    """
    if not is_buildable(service):
        raise SourceError(
            f"{service.name} runs on `{service.runtime}`: it has an official image and none of its own"
        )
    lock = [service.folder / "package-lock.json"] if service.runtime == "node" else []
    for path in (*service.shared, *lock):
        if not path.exists():
            raise SourceError(
                f"{service.name}: {path.relative_to(stack.root)} is absent, which its image is built from; "
                "bring it back, or correct what names it"
            )
    file = service.folder / DOCKERFILE
    place = file.relative_to(stack.root)
    if not file.is_file():
        raise SourceError(f"{service.name}: {place} is absent; write it with `nexus render`")
    text = file.read_text()
    if is_rendered(text) and text != dockerfiles(stack)[place]:
        raise SourceError(
            f"{service.name}: {place} is not what its manifest says; write it anew with `nexus render`"
        )
    return file


def parts(stack: Stack, service: Service) -> dict[str, str]:
    """Return path → digest of each part that makes a service's release."""
    if service == agent():
        found = {p.relative_to(PLATFORM).as_posix(): p for p in (service.folder, *service.shared)}
    else:
        found = places(stack, service)
    return {place: content_digest([path]) for place, path in found.items()}


def changed(now: Mapping[str, str], before: Mapping[str, str]) -> tuple[str, ...]:
    """Return the parts that differ from those of another build."""
    return tuple(path for path in {**now, **before} if now.get(path) != before.get(path))
