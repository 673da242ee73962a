"""Artefacts: the immutable copies that releases run from.

snapshot       a service as it is now → a release, copied and verified
service_of     a release → the service as that release has it
at_revision    a revision of the stack's repository → a stack
restored       the same, with its artefact made again if that is damaged
prune          removes what no kept release runs from
"""

from nexus.releases.artefact.errors import ArtefactError
from nexus.releases.artefact.pruning import prune
from nexus.releases.artefact.reading import service_of
from nexus.releases.artefact.restoring import restored
from nexus.releases.artefact.revision import Revision, at_revision, revision_of
from nexus.releases.artefact.snapshot import snapshot

__all__ = [
    "ArtefactError",
    "Revision",
    "at_revision",
    "prune",
    "restored",
    "revision_of",
    "service_of",
    "snapshot",
]
