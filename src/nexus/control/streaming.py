"""The stream of what is committed, a companion of the control loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

from nexus.control.addresses import Refused
from nexus.control.companion import Companion
from nexus.control.migrating.sources import server_of
from nexus.control.secrets import ADMIN_URL
from nexus.recovery.streaming.told import Told
from nexus.runtimes.home import Home
from nexus.runtimes.site import Site


def told(site: Site | None) -> Told | None:
    """What the stream of a stack is told; None where there is nothing to stream: no stack is known, or no
    module has a schema, or they have them in several servers.
    """
    if site is None:
        return None
    try:
        server = server_of(site.stack)
    except Refused:
        return None
    url = site.secret(server, ADMIN_URL)
    return Told(site.stack.root, url, site.stack.recovery) if url.exists() else None


class Streaming(Companion):
    """Keeps one stream alive. `told` says what it is told, None while there is nothing to stream."""

    name = "stream"
    module = "nexus.recovery.streaming"
    environment: ClassVar[Mapping[str, str]] = {"MALLOC_ARENA_MAX": "2"}
    longest_pause = 10.0
    last_words = 30.0  # seconds to seal and copy what it has received

    def __init__(self, home: Home, told: Callable[[], Told | None]) -> None:
        super().__init__(home)
        self._told = told

    def line(self) -> str | None:
        now = self._told()
        return None if now is None else now.to_line()
