"""One service of a rollback's scope."""

from __future__ import annotations

from dataclasses import dataclass

from nexus.releases.release import Release


@dataclass(frozen=True)
class Member:
    """A service that goes back from the release `now` to the release `to`, and why."""

    service: str
    now: Release
    to: Release
    why: str
