"""A service as it is now becomes a release: copied, verified, and never changed again."""

from __future__ import annotations

import getpass
import os
import threading
import time
from pathlib import Path

from nexus.releases.artefact.copying import copy_counted, place_whole
from nexus.releases.artefact.errors import ArtefactError
from nexus.releases.artefact.layout import NOTE, Note, artefact, part
from nexus.releases.artefact.revision import Revision, revision_of
from nexus.releases.release import Release
from nexus.runtimes.home import Home
from nexus.stack import Service, Stack
from nexus.stack.digest import content_digest

_one_at_a_time = threading.Lock()  # for the parts that releases share


def snapshot(
    stack: Stack,
    service: Service,
    home: Home,
    who: str,
    version: str = "",
    secrets_version: str = "",
    image: str = "",
    revision: Revision | None = None,
) -> Release:
    """Makes the release that holds what `service` is now, unless its artefact is there and whole.

    `version` is what people will call it (default: the manifest's), `secrets_version` the set of secrets it
    is given. `image` is run instead of the manifest's, by services that are not built from their folder.
    `revision` is what the sources are of (default: what git says of the working tree).

    Raises:
        ArtefactError: the sources changed meanwhile or cannot be read, the home cannot be written, or the
            service is built and cannot run another's image.
    """
    if image and image != service.image:
        service = _pinned(service, image)
    folder = None
    try:
        if service.is_brick:
            folder = _copied(service, home)
            found = revision or revision_of(stack.root, (service.folder, *service.shared))
        else:
            found = revision or revision_of(stack.root, (stack.file,))
    except OSError as error:
        raise ArtefactError(
            f"{service.name} cannot be copied ({error.strerror}: {error.filename}); mend that and run the "
            "same command again"
        ) from error
    return Release(
        service=service.name,
        id=f"{service.digest}-{secrets_version}" if secrets_version else service.digest,
        digest=service.digest,
        version=version or service.version,
        commit=found.commit,
        clean=found.clean,
        built_at=time.time(),
        built_by=who or getpass.getuser(),
        folder=folder,
        declared="" if service.is_brick else service.declared,
        image=service.pinned,
        secrets_version=secrets_version,
    )


def _pinned(service: Service, image: str) -> Service:
    if service.is_brick and service.runtime != "image":
        raise ArtefactError(
            f"{service.name} is built from its folder and runs no other image; deploy a version of it, or "
            "give it `runtime: image`"
        )
    return service.pin(image)


def _copied(service: Service, home: Home) -> Path:
    """The brick's folder in its artefact, which is made when it is not there, or not whole."""
    place = artefact(home, service.name, service.digest)
    shared = {
        where: _part(path, where, home)
        for path, where in zip(service.shared, service.shared_places, strict=True)
    }
    note = Note(service.place, shared)
    parts = [part(home, digest, where) for where, digest in shared.items()]

    def fill(draft: Path) -> None:
        copy_counted(service.folder, draft / service.folder.name)
        (draft / NOTE).write_text(note.text())
        if _content(service, [draft / service.folder.name, *parts]) != service.digest:
            raise _changed(service.name)  # it was known since the stack was read

    copy = place / service.folder.name
    there = (place / NOTE).exists() and (place / NOTE).read_text() == note.text()
    if there and copy.is_dir() and _content(service, [copy, *parts]) == service.digest:
        os.utime(place)  # the newest are kept
    else:
        place_whole(place, fill)
    return copy


def _part(source: Path, place: str, home: Home) -> str:
    """The digest under which a shared part is kept; it is copied when it is not there, or not whole."""
    digest = content_digest([source])
    kept = part(home, digest, place)

    def fill(draft: Path) -> None:
        copy_counted(source, draft / kept.name)
        if content_digest([draft / kept.name]) != digest:
            raise _changed(place)

    with _one_at_a_time:
        if not kept.exists() or content_digest([kept]) != digest:
            place_whole(kept.parent, fill)
    return digest


def _content(service: Service, copies: list[Path]) -> str:
    """The digest that a service would have, were it made of these copies."""
    return service.made_of(copies[0], tuple(copies[1:])).digest


def _changed(what: str) -> ArtefactError:
    return ArtefactError(f"{what}: files changed while they were read; run the same command again")
