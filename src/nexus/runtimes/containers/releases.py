"""Which release of each service was given to the engine: what runs stays what it is until it is replaced."""

from __future__ import annotations

import json
from collections.abc import Iterable

from nexus.runtimes.memory import Memory
from nexus.stack import Service

KEY = "releases"


class Releases:
    """Service → release, remembered in the stack's own state."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def known(self, services: Iterable[Service]) -> dict[str, str]:
        """The release of each service: the one given to the engine, or else what its folder holds."""
        given: dict[str, str] = json.loads(self._memory.get(KEY, "{}"))
        return {service.name: given.get(service.name, service.release) for service in services}

    def found(self, service: str, release: str) -> None:
        """A service runs this release; nobody had told."""
        given: dict[str, str] = json.loads(self._memory.get(KEY, "{}"))
        if service not in given:
            self._memory.set(KEY, json.dumps({**given, service: release}, sort_keys=True))

    def give(self, service: Service, release: str = "") -> None:
        """From now on, a service runs this release, or else what its folder holds."""
        given: dict[str, str] = json.loads(self._memory.get(KEY, "{}"))
        given[service.name] = release or service.release
        self._memory.set(KEY, json.dumps(given, sort_keys=True))
