"""The instances of both sides: whether they ended, and what they use."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from typing import Any

from nexus.control.facts import InstanceFacts
from nexus.control.keeper import Keeper
from nexus.releases.guard import Instance, Sample
from nexus.telemetry.scrape.processes import used

MOST_SAMPLES = 600
GONE = "is gone"
ENDED = "ended"


class Ends:
    """Whose process ended, how often and why. What was before an instance was first seen blames nobody."""

    def __init__(self) -> None:
        self._first: dict[tuple[str, str, str], int] = {}
        self._why: dict[tuple[str, str], str] = {}

    def heard(self, event: Mapping[str, Any]) -> None:
        """Takes in what is told of an instance: one that is started again at once has forgotten why."""
        if event.get("event") == "instance" and event.get("state") == "down" and event.get("why"):
            self._why[event["service"], event["instance"]] = event["why"]

    def why(self, service: str, instance: str) -> str:
        """Why it ended last ("" = nothing was told)."""
        return self._why.get((service, instance), "")

    def since(self, service: str, facts: InstanceFacts) -> int:
        """How often this instance has been restarted since."""
        key = service, facts.release, facts.id
        return max(0, facts.restarts - self._first.setdefault(key, facts.restarts))


class Instances:
    """Looks at the instances of one service, of which those of `release` are let in."""

    def __init__(self, keeper: Keeper, service: str, release: str, ends: Ends) -> None:
        self._keeper = keeper
        self._service = service
        self._release = release
        self._ends = ends
        self._samples: defaultdict[str, deque[Sample]] = defaultdict(lambda: deque(maxlen=MOST_SAMPLES))
        self._seen: set[str] = set()
        self._pids: dict[str, int] = {}
        self._ready: dict[str, float] = {}  # until when it was

    async def look(
        self, usage: Mapping[str, Iterable[Iterable[float]]]
    ) -> tuple[tuple[Instance, ...], tuple[Instance, ...]]:
        """The instances of the stable release, and those of the one that is let in.

        `usage` is what containers used, by instance; of plain processes it is measured here.
        """
        facts = self._keeper.instances().get(self._service, ())
        await self._measure(facts)
        stable, mine = [], []
        for each in facts:
            samples = tuple(self._samples[each.id]) or tuple(Sample(*told) for told in usage.get(each.id, ()))
            if each.release == self._release:
                mine.append(self._instance(each, samples))
            elif each.release:
                stable.append(self._instance(each, samples))
        return tuple(stable), (*mine, *self._gone(facts))

    def _instance(self, facts: InstanceFacts, samples: tuple[Sample, ...]) -> Instance:
        if facts.release == self._release:
            self._seen.add(facts.id)
        ended = self._ends.since(self._service, facts)
        why = (self._ends.why(self._service, facts.id) or ENDED) if ended else facts.why
        return Instance(facts.id, self._unready(facts), ended, why, samples)

    def _unready(self, facts: InstanceFacts) -> float:
        """For how many seconds it has not been ready."""
        now = time.monotonic()
        if facts.state == "ready":
            self._ready.pop(facts.id, None)
            return 0.0
        return max(0.001, now - self._ready.setdefault(facts.id, now))

    def _gone(self, facts: Iterable[InstanceFacts]) -> list[Instance]:
        """Those that were let in and do not run any more. One that is down has no release, but tells why."""
        alive = {each.id for each in facts if each.release == self._release}
        told = {each.id: each.why for each in facts}
        return [
            Instance(name, 0.0, 1, told.get(name) or self._ends.why(self._service, name) or GONE)
            for name in sorted(self._seen - alive)
        ]

    async def _measure(self, facts: Iterable[InstanceFacts]) -> None:
        pids = {each.pid: each.id for each in facts if each.pid and not each.container}
        if not pids:
            return
        found = await asyncio.to_thread(used, list(pids))
        at = time.monotonic()
        for pid, (cpu, memory) in found.items():
            if self._pids.setdefault(pids[pid], pid) != pid:  # another process: nothing goes on
                self._pids[pids[pid]] = pid
                self._samples[pids[pid]].clear()
            self._samples[pids[pid]].append(Sample(at, cpu, memory))
