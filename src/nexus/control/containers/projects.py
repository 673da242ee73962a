"""A stack as the engine is to see it: its stable releases, and those that are let in beside them."""

from __future__ import annotations

import logging

from nexus.control.candidates import Candidate, Candidates
from nexus.render.containers.standby import unit_of_follower
from nexus.render.containers.telemetry import agent
from nexus.runtimes.containers.encryption import encrypts
from nexus.runtimes.containers.placing import placed_in
from nexus.runtimes.containers.project import Project
from nexus.runtimes.containers.releases import Releases
from nexus.runtimes.memory import Memory
from nexus.runtimes.protocol import StartError
from nexus.runtimes.site import Site
from nexus.stack import Service

log = logging.getLogger("nexus.control")


class Projects:
    """Makes the files of stacks from what is remembered of them."""

    def __init__(self, memory: Memory, candidates: Candidates, swarm: bool) -> None:
        self.releases = Releases(memory)
        self._memory = memory
        self._candidates = candidates
        self._swarm = swarm
        self._encrypted = swarm and encrypts()
        self._resolved: dict[Candidate, Service | None] = {}

    @property
    def registry(self) -> str:
        """Where the nodes of a Swarm fetch images from; "" for this engine's own."""
        return self._memory.get("registry")

    def of(self, site: Site) -> Project:
        """The files of a stack as it is now."""
        releases = self.releases.known((*site.stack.services, agent()))
        placed = placed_in(self._memory) if self._swarm else None
        return Project(site, releases, self.registry, self._encrypted, self._beside(site), placed)

    def follower(self, service: Service) -> str:
        """The engine's name for the standby of a database; "" where it has none."""
        placed = placed_in(self._memory) if self._swarm and service.runtime == "postgres" else None
        return unit_of_follower(service.name) if placed is not None and placed.follower is not None else ""

    def label(self, service: Service) -> str:
        """What the containers of a service's stable release are labelled with as their release."""
        tag = self.releases.known([service])[service.name]
        return service.release if tag == service.digest else f"{tag}{service.release[len(service.digest) :]}"

    def _beside(self, site: Site) -> dict[str, tuple[Service, int]]:
        found = {}
        for name, each in self._candidates.all().items():
            service = self._service(each) if site.stack.has(name) else None
            if service is not None:
                found[name] = (service, each.count)
        return found

    def _service(self, candidate: Candidate) -> Service | None:
        """The candidate's service; None when its artefact is gone, which is told once."""
        key = Candidate(candidate.service, candidate.release, 0)
        if key not in self._resolved:
            try:
                self._resolved[key] = self._candidates.service(candidate)
            except StartError as error:
                log.warning("%s is not let in any further: %s", candidate.service, error)
                self._resolved[key] = None
        return self._resolved[key]
