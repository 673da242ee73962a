"""What is compared with what."""

from __future__ import annotations

import time
from dataclasses import dataclass

from nexus.control.candidates import Candidate
from nexus.releases.guard.evidence import Comparison
from nexus.render.haproxy import candidate_backend
from nexus.stack import Service

FORMER = 180.0  # seconds before, of which the answers are compared where the other side is asked no more


@dataclass(frozen=True)
class View:
    """One service, `stable` and `candidate` as the gateway calls them, and since when they are looked at.

    `release` is what is let in. `began` is when the deploy began: the business is compared with the time
    before. Of the stable side, the time from `stable_since` until `stable_until` counts. All times are in
    seconds since the epoch.
    """

    service: Service
    release: str
    comparison: Comparison
    weight: int
    stable: str
    candidate: str
    since: float
    stable_since: float
    stable_until: float | None
    began: float

    @property
    def beside(self) -> bool:
        """Whether both sides are asked at the same time."""
        return self.comparison == "beside"

    @property
    def sticky(self) -> bool:
        """Whether each user counts once. Not over times of different length, in which as many users ask."""
        return self.service.rollout.sticky and self.beside

    @property
    def next(self) -> bool:
        """Whether what is let in stands beside the stable release, as its candidate."""
        return self.stable != self.candidate

    @classmethod
    def step(cls, service: Service, candidate: Candidate, weight: int, began: float) -> View:
        """A candidate beside the stable release; where it gets all requests, against what that answered."""
        now, next_ = time.time(), candidate_backend(service.name)
        release = candidate.release
        if weight < 100:
            return cls(service, release, "beside", weight, service.name, next_, now, now, None, began)
        return cls(service, release, "before", weight, service.name, next_, now, now - FORMER, now, began)

    @classmethod
    def bake(cls, service: Service, candidate: Candidate | None, began: float) -> View:
        """What gets all requests, against the time before: the candidate, while the former stays warm, or
        else the stable release, which changed.
        """
        name, before = service.name, (began - FORMER, began)
        release = candidate.release if candidate else service.release
        asked = candidate_backend(name) if candidate else name
        return cls(service, release, "before", 100, name, asked, time.time(), *before, began)
