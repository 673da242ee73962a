"""What can be wrong with an artefact."""

from __future__ import annotations

from nexus.releases.errors import ReleaseError


class ArtefactError(ReleaseError):
    """A release cannot be made, or what it runs from is gone or was changed; says how to mend it."""
