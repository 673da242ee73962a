"""Which image each service was given: that of its stable release, unless others started it."""

from __future__ import annotations

import json
from collections.abc import Iterable

from nexus.runtimes.memory import Memory
from nexus.stack import Service
from nexus.stack.names import TELEMETRY

KEY = "releases"


class Releases:
    """Service → tag of its image, remembered in the stack's own state.

    What others started (Compose alone, say) goes on until the service gets another release. The agent of
    telemetry is part of no stack: it goes on until it is started anew.
    """

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def known(self, services: Iterable[Service]) -> dict[str, str]:
        """The tag of each service's image."""
        given = self._given()
        found = {}
        for service in services:
            tag, beside = given.get(service.name, ("", ""))
            holds = service.name == TELEMETRY or beside == service.digest
            found[service.name] = tag if tag and holds else service.digest
        return found

    def found(self, service: Service, tag: str) -> None:
        """A service runs from this image; nobody had told."""
        if service.name not in self._given() and tag != service.release:
            self._give(service, tag)

    def give(self, service: Service, tag: str = "") -> None:
        """From now on, a service runs from this image, or else from that of its release."""
        self._give(service, tag or service.digest)

    def _give(self, service: Service, tag: str) -> None:
        given = {**self._given(), service.name: (tag, service.digest)}
        self._memory.set(KEY, json.dumps(given, sort_keys=True))

    def _given(self) -> dict[str, tuple[str, str]]:
        told = json.loads(self._memory.get(KEY, "{}"))
        return {name: (each[0], each[1]) for name, each in told.items() if isinstance(each, list)}
