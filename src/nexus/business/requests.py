"""Which step of which process a request is, and whether its user got what he asked for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Literal, NamedTuple

from nexus.stack import Process

Verdict = Literal["good", "bad", "none"]

PATIENCE = 5.0  # seconds after which a user who left before the answer left because of the waiting
TOO_MANY = 429
CLIENT_LEFT = 499


class Place(NamedTuple):
    """A step of a process."""

    process: str
    step: str


class Request(NamedTuple):
    """One line of an access log. `minute` counts from the epoch, `seconds` is how long it took."""

    minute: int
    method: str
    path: str
    status: int
    seconds: float


def verdict(status: int, seconds: float) -> Verdict:
    """What a request says of availability.

    Server errors are bad. Refusals that are the user's own doing (4xx) are good answers. 429 is no event: one
    client that asks too often must not spend everybody's budget. A user who left before the answer (499, or a
    status that is none) says something only when he had waited.
    """
    if status >= 500:
        return "bad"
    if status == CLIENT_LEFT or status < 100:
        return "bad" if seconds >= PATIENCE else "none"
    return "none" if status == TOO_MANY else "good"


class Routes:
    """The requests of all steps. A part in braces stands for any one segment; exact parts win."""

    def __init__(self, processes: Iterable[Process]) -> None:
        self._patterns: dict[tuple[str, int], list[tuple[tuple[str, ...], Place]]] = defaultdict(list)
        for process in processes:
            for step in process.steps:
                for request in step.requests:
                    method, _, path = request.partition(" ")
                    parts = tuple(path.strip("/").split("/"))
                    self._patterns[method, len(parts)].append((parts, Place(process.name, step.name)))
        for patterns in self._patterns.values():
            patterns.sort(key=lambda each: sum(part.startswith("{") for part in each[0]))

    def places(self, method: str, path: str) -> list[Place]:
        """The steps that a request is: at most one of each process."""
        parts = path.strip("/").split("/")
        found: dict[str, Place] = {}
        for pattern, place in self._patterns.get((method, len(parts)), ()):
            if place.process not in found and _fits(pattern, parts):
                found[place.process] = place
        return list(found.values())


def _fits(pattern: tuple[str, ...], parts: list[str]) -> bool:
    return all(
        wanted == part or (wanted.startswith("{") and part)
        for wanted, part in zip(pattern, parts, strict=True)
    )
