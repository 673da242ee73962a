"""The instances of both sides: whether they ended, and what they use."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping

from nexus.control.facts import InstanceFacts
from nexus.control.keeper import Keeper
from nexus.releases.guard import Instance, Sample
from nexus.telemetry.scrape.processes import used

MOST_SAMPLES = 600
GONE = "is gone"
ENDED = "ended"


class Restarts:
    """How often instances had been restarted when they were first seen: what came before blames nobody."""

    def __init__(self) -> None:
        self._first: dict[tuple[str, str, str], int] = {}

    def since(self, service: str, facts: InstanceFacts) -> int:
        """How often this instance has been restarted since."""
        key = service, facts.release, facts.id
        return facts.restarts - self._first.setdefault(key, facts.restarts)


class Instances:
    """Looks at the instances of one service, of which those of `release` are let in."""

    def __init__(self, keeper: Keeper, service: str, release: str, restarts: Restarts) -> None:
        self._keeper = keeper
        self._service = service
        self._release = release
        self._restarts = restarts
        self._samples: defaultdict[str, deque[Sample]] = defaultdict(lambda: deque(maxlen=MOST_SAMPLES))
        self._seen: dict[str, InstanceFacts] = {}

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
            self._seen[facts.id] = facts
        ended = self._restarts.since(self._service, facts)
        return Instance(
            facts.id, facts.state == "ready", ended, facts.why or (ENDED if ended else ""), samples
        )

    def _gone(self, facts: Iterable[InstanceFacts]) -> list[Instance]:
        """Those that were let in and do not run any more."""
        alive = {each.id: each for each in facts if each.release == self._release}
        return [Instance(name, False, 1, _why(name, facts)) for name in self._seen if name not in alive]

    async def _measure(self, facts: Iterable[InstanceFacts]) -> None:
        pids = {each.pid: each.id for each in facts if each.pid and not each.container}
        if not pids:
            return
        found = await asyncio.to_thread(used, list(pids))
        at = time.monotonic()
        for pid, (cpu, memory) in found.items():
            self._samples[pids[pid]].append(Sample(at, cpu, memory))


def _why(name: str, facts: Iterable[InstanceFacts]) -> str:
    """An instance whose process ended has no release while it is down, but tells why."""
    return next((each.why for each in facts if each.id == name and each.why), GONE)
