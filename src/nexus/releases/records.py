"""What the catalogue tells of the past: the versions of the whole, and the deployments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["first", "deploy", "rollback", "upgrade"]


@dataclass(frozen=True)
class ReleaseSet:
    """A version of the whole: the stable release of each service, from `at` (seconds since the epoch) on.

    `healthy`: what was judged of it, None while nobody has judged.
    """

    number: int
    at: float
    releases: Mapping[str, str]
    cause: str
    healthy: bool | None


@dataclass(frozen=True)
class Deployment:
    """One change of releases: what was asked, by whom and why, what it changed, and how it ended.

    `before` and `after` are the releases of `services` by their ids. Times are seconds since the epoch;
    `ended_at` is None while it is unfinished. `request` is what is needed to take it up again.
    """

    id: int
    kind: Kind
    services: tuple[str, ...]
    before: Mapping[str, str]
    after: Mapping[str, str]
    strategy: str
    who: str
    why: str
    started_at: float
    ended_at: float | None
    state: str
    sentence: str
    evidence: Mapping[str, Any]
    request: Mapping[str, Any]
