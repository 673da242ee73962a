"""Releases that are being let in beside the stable ones; the next control loop knows them too."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

from nexus.runtimes.memory import Memory
from nexus.stack import Service

KEY = "candidates"
Resolve = Callable[[str, str], Service]  # service, id of a release -> the service as that release has it


@dataclass(frozen=True)
class Candidate:
    """A release of `service` that runs beside the stable one.

    `count` instances of it are to run; `weight` is the percentage of requests they get.
    """

    service: str
    release: str
    count: int
    weight: int = 0


class Candidates:
    """At most one candidate per service."""

    def __init__(self, memory: Memory, resolve: Resolve) -> None:
        self._memory = memory
        self._resolve = resolve

    def all(self) -> Mapping[str, Candidate]:
        """Service → its candidate."""
        told: dict[str, dict[str, str | int]] = json.loads(self._memory.get(KEY, "{}"))
        return {name: Candidate(**each) for name, each in told.items()}  # type: ignore[arg-type]

    def of(self, service: str) -> Candidate | None:
        """The candidate of a service, if there is one."""
        return self.all().get(service)

    def service(self, candidate: Candidate) -> Service:
        """The service as the candidate's release has it.

        Raises:
            StartError: the release's artefact is gone.
        """
        return self._resolve(candidate.service, candidate.release)

    def put(self, candidate: Candidate) -> None:
        """From now on, this is the service's candidate."""
        self._write({**self.all(), candidate.service: candidate})

    def drop(self, service: str) -> None:
        """From now on, the service has no candidate."""
        self._write({name: each for name, each in self.all().items() if name != service})

    def _write(self, candidates: Mapping[str, Candidate]) -> None:
        told = {name: asdict(each) for name, each in sorted(candidates.items())}
        self._memory.set(KEY, json.dumps(told))
