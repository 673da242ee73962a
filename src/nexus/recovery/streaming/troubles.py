"""What is not as it should be, and since when; each trouble is logged when it comes and when it goes."""

from __future__ import annotations

import logging
import time

from nexus.recovery.streaming.status import Trouble

log = logging.getLogger("nexus.recovery")


class Troubles:
    """The present troubles, by kind and what they are about."""

    def __init__(self) -> None:
        self._present: dict[tuple[str, str], Trouble] = {}

    @property
    def present(self) -> tuple[Trouble, ...]:
        """All of them, oldest first."""
        return tuple(sorted(self._present.values(), key=lambda each: each.since))

    def has(self, kind: str, about: str = "") -> bool:
        """Whether there is one."""
        return (kind, about) in self._present

    def say(self, kind: str, text: str | None, about: str = "", left: float | None = None) -> None:
        """There is such a trouble; None: there is none (any more)."""
        key = (kind, about)
        before = self._present.get(key)
        if text is None:
            if before is not None:
                log.info("recovery.%s is over%s", kind, f": {about}" if about else "")
                del self._present[key]
            return
        if before is None:
            log.error("recovery.%s: %s", kind, text)
        since = before.since if before else time.time()
        self._present[key] = Trouble(kind, text, since, about, left)

    def keep(self, kind: str, abouts: set[str]) -> None:
        """Of this kind, only troubles about these remain: the others are there no more."""
        for each in [about for found, about in self._present if found == kind and about not in abouts]:
            self.say(kind, None, each)
