"""Building the image of a brick's release. Images are immutable: what is there is not built again."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from nexus.images.errors import BuildError, SourceError, explain_build
from nexus.images.presence import in_engine, in_registry
from nexus.images.reference import ImageRef, image_of
from nexus.images.sources import PARTS_LABEL, SERVICE_LABEL, STACK_LABEL, parts, recipe
from nexus.runtimes.containers.engine import Engine, EngineError
from nexus.stack import Service, Stack
from nexus.stack.digest import content_digest

LIMIT_S = 3600.0
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY")
_CERTIFICATE = "-----BEGIN CERTIFICATE-----"


@dataclass(frozen=True)
class Built:
    """The end of a build. `present`: it was there; `pushed`: it was built before and only had to be sent."""

    service: str
    reference: ImageRef
    state: Literal["built", "present", "pushed"]
    seconds: float
    size: int


async def build(
    engine: Engine,
    stack: Stack,
    service: Service,
    registry: str = "",
    push: bool = False,
    ca: Path | None = None,
    said: Callable[[str], None] | None = None,
) -> Built:
    """Make the image of a service's release, unless the engine holds it; with `push`, the registry too.

    `ca` is a bundle of further certificates (PEM) that the build trusts; it reaches no layer. `said` is given
    the builder's progress, line by line. A build that fails or is cancelled leaves no image behind.

    Raises:
        BuildError: the image cannot be built; the message says why and how to mend it.
        EngineError: the engine or the registry does not answer.
    """
    began = time.monotonic()
    reference = image_of(stack, service, registry)
    check(stack, (service,), registry, push, ca)
    state: Literal["built", "present", "pushed"] = "present"
    if not (push and await in_registry(engine, reference)):
        if str(reference) not in await in_engine(engine):
            await _build(engine, stack, service, reference, _bundle(ca), said)
            state = "built"
        if push:
            await engine.command("push", "--quiet", str(reference), timeout=LIMIT_S)
            state = "built" if state == "built" else "pushed"
    size = await _size(engine, reference)
    return Built(service.name, reference, state, time.monotonic() - began, size)


async def build_all(
    engine: Engine,
    stack: Stack,
    services: Iterable[Service],
    registry: str = "",
    push: bool = False,
    ca: Path | None = None,
    ended: Callable[[Service, Built | EngineError], None] = lambda service, end: None,
) -> tuple[Built | EngineError, ...]:
    """Make several images, as many at once as there are cores; `ended` is told each end as it comes.

    One that fails does not stop the others; its error stands in its place.

    Raises:
        SourceError: something that one of them is built from is absent or wrong; nothing was built.
    """
    wanted = tuple(services)
    check(stack, wanted, registry, push, ca)
    room = asyncio.Semaphore(os.cpu_count() or 1)

    async def one(service: Service) -> Built | EngineError:
        async with room:
            try:
                end: Built | EngineError = await build(engine, stack, service, registry, push, ca)
            except EngineError as error:
                end = error
        ended(service, end)
        return end

    return tuple(await asyncio.gather(*(one(service) for service in wanted)))


def check(stack: Stack, services: Iterable[Service], registry: str, push: bool, ca: Path | None) -> None:
    """Look whether all is there that these images are built from.

    Raises:
        SourceError: something is absent or wrong.
    """
    if push and not registry:
        raise SourceError("a push needs a registry; name it with --registry HOST[:PORT]")
    _bundle(ca)
    for service in services:
        with recipe(stack, service):
            continue


async def _build(
    engine: Engine,
    stack: Stack,
    service: Service,
    reference: ImageRef,
    ca: Path | None,
    said: Callable[[str], None] | None,
) -> None:
    _unchanged(service)
    lines: list[str] = []

    def listen(line: str) -> None:
        lines.append(line)
        if said is not None:
            said(line)

    arguments = ["build", "--progress", "plain", "--load", "--tag", str(reference)]
    arguments += ["--build-arg", f"RELEASE={service.digest}"]
    labels = {
        STACK_LABEL: stack.name,
        SERVICE_LABEL: service.name,
        PARTS_LABEL: json.dumps(parts(stack, service), separators=(",", ":")),
    }
    for name, value in labels.items():
        arguments += ["--label", f"{name}={value}"]
    for name in _proxies(engine):
        arguments += ["--build-arg", name]
    if ca is not None:
        arguments += ["--secret", f"id=ca,src={ca}"]
    try:
        with recipe(stack, service) as taken:
            await engine.command(
                *(*arguments, "--file", str(taken.dockerfile), str(taken.context)),
                env={"DOCKER_BUILDKIT": "1", "BUILDX_NO_DEFAULT_ATTESTATIONS": "1"},
                timeout=LIMIT_S,
                said=listen,
            )
    except EngineError as error:
        if not any(line.startswith("#") for line in lines):  # the builder never began: the engine's own words
            raise
        raise BuildError(explain_build(service.name, lines, str(error))) from error
    try:
        _unchanged(service)
    except BuildError:
        await engine.command("image", "rm", str(reference))
        raise


def _unchanged(service: Service) -> None:
    """The release is known since the stack was read; the builder takes the files as they are now."""
    if content_digest((service.folder, *service.shared)) != service.digest:
        raise BuildError(
            f"{service.name}: files changed after the stack was read; run the same command again"
        )


def _bundle(ca: Path | None) -> Path | None:
    if ca is None:
        return None
    try:
        text = ca.read_text("utf-8", "replace")
    except OSError as error:
        raise SourceError(f"the certificates {ca} cannot be read ({error.strerror}); correct --ca") from error
    if _CERTIFICATE not in text:
        raise SourceError(f"{ca} holds no certificate; give a PEM file with {_CERTIFICATE}")
    return ca.absolute()


def _proxies(engine: Engine) -> list[str]:
    """The names of the proxy settings around us; the builder takes their values, the image does not."""
    known = [each for name in _PROXIES for each in (name, name.lower())]
    return [name for name in known if engine.environment.get(name)]


async def _size(engine: Engine, reference: ImageRef) -> int:
    """Bytes of an image; 0 when only the registry holds it."""
    if str(reference) not in await in_engine(engine):
        return 0
    return int(await engine.command("image", "inspect", "--format", "{{.Size}}", str(reference)))
