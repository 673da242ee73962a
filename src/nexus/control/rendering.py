"""The files that run a stack without Nexus: compared with what the manifests say, and written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from nexus.control.addresses import Refused
from nexus.images.sources import is_rendered
from nexus.render import RenderError
from nexus.render.containers.files import ContainerFacts, container_files
from nexus.render.containers.telemetry import PLATFORM
from nexus.render.dockerfile import dockerfiles
from nexus.render.observability import observability
from nexus.runtimes.site import secret_names
from nexus.stack import ManifestError, Stack, load_stack

FOLDER = "deploy"
MARK = "Rendered by nexus"

State = Literal["same", "missing", "changed", "stale", "own"]


@dataclass(frozen=True)
class RenderedFile:
    """A file below the stack's folder, what should be in it, and how it stands.

    `stale`: rendered once, not part of the stack any more. `own`: the team's own Dockerfile, left alone.
    """

    path: Path
    text: str
    state: State


def compare(root: Path) -> tuple[RenderedFile, ...]:
    """Every rendered file of the stack in `root`, in the order of paths. Changes nothing.

    Raises:
        Refused: a manifest is wrong, or a service cannot run in a container.
    """
    try:
        stack = load_stack(root)
        wanted = {Path(FOLDER) / name: text for name, text in _deploy(stack).items()}
        wanted |= dockerfiles(stack)
        wanted |= {Path(FOLDER) / name: text for name, text in observability(stack).items()}
    except (ManifestError, RenderError) as error:
        raise Refused(str(error)) from error
    found = [RenderedFile(path, text, _state(stack.root / path, text)) for path, text in wanted.items()]
    found += [RenderedFile(path, "", "stale") for path in _rendered_before(stack.root) if path not in wanted]
    return tuple(sorted(found, key=lambda each: each.path))


def write(root: Path, files: tuple[RenderedFile, ...]) -> None:
    """Makes the files what they should be; a reader sees the old or the new text, never half."""
    for file in files:
        path = root / file.path
        if file.state == "stale":
            path.unlink()
        elif file.state in ("missing", "changed"):
            path.parent.mkdir(parents=True, exist_ok=True)
            draft = path.with_name(f".{path.name}.new")
            draft.write_text(file.text)
            draft.replace(path)


def _deploy(stack: Stack) -> dict[str, str]:
    secrets = {service.name: secret_names(stack, service) for service in stack.services}
    return container_files(stack, secrets, ContainerFacts(agent=stack.collects and stack.root == PLATFORM))


def _state(path: Path, text: str) -> State:
    if not path.exists():
        return "missing"
    there = path.read_text()
    if there == text:
        return "same"
    dockerfile = path.name.startswith("Dockerfile") and FOLDER not in path.parts
    return "own" if dockerfile and not is_rendered(there) else "changed"


def _rendered_before(root: Path) -> Iterator[Path]:
    for path in sorted((root / FOLDER).rglob("*")):
        if path.is_file() and MARK in path.read_text(errors="replace")[:200]:
            yield path.relative_to(root)
