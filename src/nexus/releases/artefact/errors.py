"""What can be wrong with an artefact."""

from __future__ import annotations


class ArtefactError(Exception):
    """A release cannot be made, or what it runs from is gone or was changed; says how to mend it."""
