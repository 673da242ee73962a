"""What a released service's image is built from: its artefact, laid out as the stack's folder was."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from nexus.render.dockerfile import DOCKERFILE, dockerfiles
from nexus.stack import Service, Stack
from nexus.stack.digest import counted_files

NPM_SETTINGS = ".npmrc"  # how to reach a registry: no part of what runs


def is_artefact(stack: Stack, service: Service) -> bool:
    """Whether a service runs from a copy, and not from its place in the stack's folder."""
    return service.is_brick and service.folder != stack.root / service.place


def places(stack: Stack, service: Service) -> dict[str, Path]:
    """What makes a service's release: place below the stack's root → where it is now."""
    named = (service.place, *service.shared_places)
    return dict(zip(named, (service.folder, *service.shared), strict=True))


@contextmanager
def laid_out(stack: Stack, service: Service) -> Iterator[Path]:
    """A folder with the parts of a release in their places, while the block runs.

    A Dockerfile that the release lacks is rendered; one that it has is the release's own.
    """
    with tempfile.TemporaryDirectory(prefix="nexus-") as folder:
        root = Path(folder)
        for place, source in places(stack, service).items():
            _copy(source, root / place)
        settings = stack.root / service.place / NPM_SETTINGS
        if settings.is_file():
            shutil.copyfile(settings, root / service.place / NPM_SETTINGS)
        if not (root / service.place / DOCKERFILE).exists():
            there = service.made_of(
                root / service.place, tuple(root / each for each in service.shared_places)
            )
            for path, text in dockerfiles(replace(stack, root=root, services=(there,))).items():
                (root / path).write_text(text)
        yield root


def _copy(source: Path, target: Path) -> None:
    """Copies the files that count, as writable as they were: builders look at modes, too."""
    for file in counted_files(source):
        copy = target / file.relative_to(source) if file != source else target
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)
        copy.chmod(0o755 if file.stat().st_mode & 0o100 else 0o644)
