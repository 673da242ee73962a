"""What old releases leave behind: artefacts and secrets that nothing can come back to are removed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Mapping

from nexus.control import secret_versions
from nexus.control.candidates import Candidates
from nexus.releases import Catalogue
from nexus.releases.artefact import prune
from nexus.releases.catalogue import KEPT_SETS
from nexus.runtimes.home import Home

log = logging.getLogger("nexus.control")


async def remove_old(home: Home, catalogue: Catalogue, candidates: Candidates) -> None:
    """Removes what is not needed any more; what cannot be removed now is tried again at the next release."""
    needed: dict[str, set[str]] = {}
    for releases in _needed(catalogue, candidates):
        for name, release in releases.items():
            needed.setdefault(name, set()).add(release)
    digests = {name: {each.partition("-")[0] for each in ids} for name, ids in needed.items()}
    try:
        await asyncio.to_thread(prune, home, digests)
        for name, ids in needed.items():
            secret_versions.prune(home, name, {each.partition("-")[2] for each in ids})
    except OSError as error:
        log.warning("old releases stay: %s", error)


def _needed(catalogue: Catalogue, candidates: Candidates) -> Iterator[Mapping[str, str]]:
    """Service → a release that runs, or that it may be rolled back to."""
    stable = catalogue.stable()
    yield stable
    yield {name: each.release for name, each in candidates.all().items()}
    for deployment in catalogue.unfinished():
        yield deployment.before
        yield deployment.after
    yield from [each.releases for each in catalogue.sets(KEPT_SETS) if each.healthy][:1]
    for name, release in stable.items():
        healthy = catalogue.last_healthy(name, but=release)
        if healthy is not None:
            yield {name: healthy.id}
