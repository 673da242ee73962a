"""What a release is: an immutable artefact of one service, known by the digest of its content."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Release:
    """One release of a service.

    `id` is what instances are labelled with: `digest` (12 hexadecimal digits over the content), and the
    version of the secrets where those were changed since. `version` is what people call it. `commit` is the
    revision it was built from ("" = not known), `clean` whether the working tree held nothing else.
    `built_at` in seconds since the epoch. `folder` holds the artefact: the brick under its own name, with its
    manifest (None for infrastructure, which has no folder); `declared` is the manifest of infrastructure as
    JSON. `image` is the image it runs from ("" = none was built or named).
    """

    service: str
    id: str
    digest: str
    version: str
    commit: str
    clean: bool
    built_at: float
    built_by: str
    folder: Path | None = None
    declared: str = ""
    image: str = ""
    secrets_version: str = ""

    @property
    def title(self) -> str:
        """How people are told of it: `sales 1.5.0 (3fa9c1d204be)`."""
        return f"{self.service} {self.version} ({self.id})" if self.version else f"{self.service} {self.id}"


@dataclass(frozen=True)
class Sides:
    """The two releases of a service while one is let in, by their ids."""

    stable: str
    candidate: str
