"""Requests where nothing is collected: what the gateway itself has counted since the look began."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from nexus.control.deploying.evidence.view import View
from nexus.releases.guard import SPAN, Side, lasted
from nexus.runtimes.process.drivers import haproxy
from nexus.runtimes.site import Site
from nexus.traffic import HaproxyRuntime, TrafficError


class Count(NamedTuple):
    """Requests, and those of them that failed, of one server since it was made."""

    requests: int
    errors: int


class Counters:
    """The counters of one gateway, for both sides of a service."""

    def __init__(self, runtime: HaproxyRuntime, view: View) -> None:
        self._runtime = runtime
        self._view = view
        self._spans = Counter[int]()  # errors of the candidate, by when they were seen
        self._first: dict[str, dict[str, Count]] = {}

    @classmethod
    def of(cls, site: Site, view: View) -> Counters | None:
        """Those of a site's gateway; None where it cannot be reached from here."""
        for gateway in () if site.contained else site.stack.of_kind("gateway"):
            if gateway.runtime == "haproxy":
                return cls(HaproxyRuntime(haproxy.stats_socket(site, gateway)), view)
        return None

    async def sides(self) -> tuple[Side, Side] | None:
        """The stable side and the candidate since the first call; None while the gateway does not answer.

        The time before is not known: nothing is told of the stable side once it is asked no more.
        """
        try:
            candidate = await self._since(self._view.candidate)
            stable = await self._since(self._view.stable) if self._view.beside else Count(0, 0)
        except TrafficError:
            return None
        return Side(requests=stable.requests, errors=stable.errors), Side(
            requests=candidate.requests, errors=candidate.errors, errors_lasted=self._lasted(candidate.errors)
        )

    def _lasted(self, errors: int) -> float:
        """For how long the candidate has failed, by when its errors became more."""
        self._spans[int(time.time() // SPAN)] += errors - self._spans.total()
        return lasted(self._spans)

    async def _since(self, backend: str) -> Count:
        now = {each.id: Count(each.requests, each.errors) for each in await self._runtime.servers(backend)}
        first = self._first.setdefault(backend, dict(now))
        return _sum(now, first)


def _sum(now: Mapping[str, Count], first: Mapping[str, Count]) -> Count:
    """What was added; a server that began again counts from 0."""
    requests = errors = 0
    for name, count in now.items():
        before = first.get(name, Count(0, 0))
        if count.requests < before.requests:
            before = Count(0, 0)
        requests += count.requests - before.requests
        errors += count.errors - before.errors
    return Count(requests, errors)
