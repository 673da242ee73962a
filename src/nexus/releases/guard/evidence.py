"""What the guard looks at: two sides of one service, over the same minutes or before and after."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, NamedTuple

Comparison = Literal["beside", "before"]


class Sample(NamedTuple):
    """What an instance used until a moment: `at` in seconds, `cpu` in seconds of CPU, `memory` in bytes."""

    at: float
    cpu: float
    memory: float


@dataclass(frozen=True)
class Instance:
    """One instance. `unready`: for how many seconds it has not been ready. `ended`: how often its process has
    ended since its side was first looked at; `why` how, or what it lacks. `samples` are in the order of time.
    """

    id: str
    unready: float = 0.0
    ended: int = 0
    why: str = ""
    samples: tuple[Sample, ...] = ()


@dataclass(frozen=True)
class Side:
    """What one side was asked and how it answered.

    `errors`: answered with 5xx or broken off. `refusals`: answered with 4xx (but for 429 and clients that
    left). `calls_failed`: of requests from module to module. Of the `timed` requests, `slow` took longer than
    the other side's 95th percentile of the same route with the tolerance. Where users stick to a side, each
    of them counts once. Quantiles are in milliseconds. `…_lasted`: see `nexus.releases.guard.lasting` (None:
    not known).
    """

    requests: int = 0
    errors: int = 0
    refusals: int = 0
    calls_failed: int = 0
    timed: int = 0
    slow: int = 0
    errors_lasted: float | None = None
    refusals_lasted: float | None = None
    slow_lasted: float | None = None
    p50_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None
    instances: tuple[Instance, ...] = ()


@dataclass(frozen=True)
class Figure:
    """A KPI, or how fast an objective burns its budget: values `before` the deploy and since (`now`), oldest
    first.
    """

    name: str
    unit: str
    better: Literal["higher", "lower"]
    limit: float | None
    before: tuple[float, ...]
    now: tuple[float, ...]

    def beyond(self, value: float) -> bool:
        """Whether a value is worse than the limit."""
        if self.limit is None:
            return False
        return value < self.limit if self.better == "higher" else value > self.limit


@dataclass(frozen=True)
class Health:
    """The answers to the module's own question on its business, oldest first; `why` of the last bad one."""

    before: tuple[bool, ...] = ()
    now: tuple[bool, ...] = ()
    why: str = ""


@dataclass(frozen=True)
class Tried:
    """One run of a probe; `step`, `expected` and `got` say what went wrong, "" when nothing did."""

    step: str = ""
    expected: str = ""
    got: str = ""
    requests: int = 0

    @property
    def good(self) -> bool:
        return not self.step


@dataclass(frozen=True)
class Probed:
    """A probe of a process that the module is part of: runs `through` the candidate, and those that were not,
    oldest first.
    """

    name: str
    through: tuple[Tried, ...] = ()
    others: tuple[Tried, ...] = ()


@dataclass(frozen=True)
class Message:
    """An error that the candidate's instances logged, and how often."""

    text: str
    count: int


@dataclass(frozen=True)
class Evidence:
    """All that is known when the guard is asked.

    `comparison`: `stable` answered over the same minutes as `candidate`, or before. `weight` is the
    percentage of requests that the candidate is to get. `memory` (bytes) and `cpus` (cores) are what an
    instance may use (0: no limit); `memory_before` is the most that one used before the deploy (None: not
    known). `demand`: requests of the whole service now, over those before (None: not
    known). `unknown` names what could not be looked at; `fresh` is False while what is known of requests
    is old.
    """

    service: str
    comparison: Comparison
    weight: int
    stable: Side = Side()
    candidate: Side = Side()
    memory: float = 0.0
    cpus: float = 0.0
    memory_before: float | None = None
    demand: float | None = None
    figures: tuple[Figure, ...] = ()
    health: Health = Health()
    probes: tuple[Probed, ...] = ()
    messages: tuple[Message, ...] = ()
    unknown: tuple[str, ...] = ()
    fresh: bool = True

    def as_dict(self) -> dict[str, Any]:
        """The figures of both sides as plain data, for the record and for progress."""
        return {
            "comparison": self.comparison,
            "weight": self.weight,
            "stable": _told(self.stable, self.cpus),
            "candidate": _told(self.candidate, self.cpus),
            "messages": [asdict(message) for message in self.messages],
            "unknown": list(self.unknown),
        }


def cpu_of(instance: Instance, cpus: float, seconds: float = 10.0) -> float | None:
    """The share of its limit that an instance's CPU was busy in the last `seconds`; None: not known."""
    if not cpus or len(instance.samples) < 2:
        return None
    last = instance.samples[-1]
    first = next(each for each in instance.samples if last.at - each.at <= seconds)
    if last.at - first.at < seconds / 2:
        return None
    return (last.cpu - first.cpu) / (last.at - first.at) / cpus


def _told(side: Side, cpus: float) -> dict[str, Any]:
    """`cpu` is a share of the limit and `memory` in bytes, both of the instance that uses most."""
    known = [share for each in side.instances if (share := cpu_of(each, cpus)) is not None]
    memory = [each.samples[-1].memory for each in side.instances if each.samples]
    return {
        **asdict(replace(side, instances=())),
        "instances": len(side.instances),
        "cpu": max(known, default=None),
        "memory": max(memory, default=None),
    }
