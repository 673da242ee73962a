"""What the image of a brick's release is called."""

from __future__ import annotations

from dataclasses import dataclass

from nexus.stack import Service, Stack


@dataclass(frozen=True, order=True)
class ImageRef:
    """`repository:tag`. The repository begins with the registry, when there is one."""

    repository: str
    tag: str

    def __str__(self) -> str:
        return f"{self.repository}:{self.tag}"


def image_of(stack: Stack, service: Service, registry: str = "") -> ImageRef:
    """Return the image of what the brick is now; the tag is its release, so it never means anything else."""
    prefix = f"{registry.rstrip('/')}/" if registry else ""
    return ImageRef(f"{prefix}{stack.name}/{service.name}", service.digest)
