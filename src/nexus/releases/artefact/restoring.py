"""A damaged artefact is made again, where the content that it held is still to be had."""

from __future__ import annotations

import logging

from nexus.releases.artefact.errors import ArtefactError
from nexus.releases.artefact.reading import service_of
from nexus.releases.artefact.revision import at_revision
from nexus.releases.artefact.snapshot import snapshot
from nexus.releases.release import Release
from nexus.runtimes.home import Home
from nexus.stack import Service, Stack

log = logging.getLogger("nexus.releases")


def restored(sources: Stack, release: Release, home: Home) -> Service:
    """The service as a release has it. If its artefact is damaged, it is first made again: from the sources
    where they hold the same, or else from the commit that it was made of.

    Raises:
        ArtefactError: neither holds what the release held, or its secrets are gone.
    """
    try:
        return service_of(sources, release, home)
    except ArtefactError as error:
        if not (_made_of(sources, release, home) or _made_of_its_commit(sources, release, home)):
            raise
        log.warning("made again: %s", error)
    return service_of(sources, release, home)


def _made_of(sources: Stack, release: Release, home: Home) -> bool:
    """Makes it of these sources, if they hold the same."""
    if release.folder is None or not sources.has(release.service):
        return False
    service = sources.service(release.service)
    if service.folder.is_relative_to(home.releases):  # the damaged copy itself
        return False
    service = service.pin(release.image) if release.image else service
    if service.digest != release.digest:
        return False
    snapshot(sources, service, home, release.built_by)
    return True


def _made_of_its_commit(sources: Stack, release: Release, home: Home) -> bool:
    if not (release.folder and release.commit and release.clean):
        return False
    try:
        with at_revision(sources.root, release.commit) as found:
            return _made_of(found, release, home)
    except ArtefactError as error:
        log.warning("%s cannot be made again of its commit: %s", release.title, error)
        return False
