"""What lies where in an artefact.

releases/<service>/<digest>/<folder>/…     the brick, under its own folder's name
releases/<service>/<digest>/artefact.json  where the brick and its shared parts lie in the stack
parts/<digest>/<name>                      a shared part, kept once whoever needs it
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from nexus.releases.artefact.errors import ArtefactError
from nexus.runtimes.home import Home

NOTE = "artefact.json"
DRAFT = ".draft-"


@dataclass(frozen=True)
class Note:
    """What an artefact says of itself: `place` of the brick below the stack's root, and for each shared part
    (by its place there) the digest under which it is kept.
    """

    place: str
    shared: Mapping[str, str]

    def text(self) -> str:
        """The note as it is written into the artefact."""
        return json.dumps(asdict(self), indent=1) + "\n"


def artefact(home: Home, service: str, digest: str) -> Path:
    """The folder of one artefact."""
    return home.releases / service / digest


def part(home: Home, digest: str, place: str) -> Path:
    """Where a shared part is kept."""
    return home.parts / digest / Path(place).name


def read_note(folder: Path) -> Note:
    """What an artefact says of itself.

    Raises:
        ArtefactError: it does not, or not in these words.
    """
    try:
        told = json.loads((folder / NOTE).read_text())
        return Note(str(told["place"]), {str(place): str(each) for place, each in told["shared"].items()})
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ArtefactError(f"{folder / NOTE} cannot be read ({error})") from error
