"""Which services are to run: remembered, so that the next control loop knows it too."""

from __future__ import annotations

import json

from nexus.runtimes.memory import Memory


class Wanted:
    """The names of the services that are to run."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    @property
    def names(self) -> frozenset[str]:
        """All of them."""
        return frozenset(json.loads(self._memory.get("wanted", "[]")))

    def add(self, service: str) -> None:
        """From now on, the service is to run."""
        self._write(self.names | {service})

    def remove(self, service: str) -> None:
        """From now on, the service is not to run."""
        self._write(self.names - {service})

    def _write(self, names: frozenset[str]) -> None:
        self._memory.set("wanted", json.dumps(sorted(names)))
