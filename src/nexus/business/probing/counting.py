"""Runs and steps of probes as counters and times."""

from __future__ import annotations

from collections import defaultdict

from nexus.business.points import Point, label_text
from nexus.business.probing.outcome import Run

GOOD, EVENTS, SECONDS = "nexus_probe_good_total", "nexus_probe_events_total", "nexus_probe_seconds"


class Counts:
    """Since the collector's start: of each probe its runs (no label `step`), and of its steps those done."""

    def __init__(self) -> None:
        self._good: defaultdict[str, int] = defaultdict(int)
        self._events: defaultdict[str, int] = defaultdict(int)
        self._latest: dict[str, list[Point]] = {}

    def add(self, run: Run, now: float) -> list[Point]:
        """Counts a run and returns its points."""
        labels = {"process": run.probe.process, "probe": run.probe.name}
        points = self._points(labels, run.failed is None, run.seconds, now)
        for each in run.steps:
            points += self._points({**labels, "step": each.step.name}, each.good, each.seconds, now)
        # A step that was not reached this time keeps the counts it had.
        known = {(point.name, point.labels): point for point in self._latest.get(run.probe.name, ())}
        known |= {(point.name, point.labels): point for point in points}
        self._latest[run.probe.name] = list(known.values())
        return points

    def latest(self) -> list[Point]:
        """The newest point of each series."""
        return [point for points in self._latest.values() for point in points]

    def forget(self, probe: str) -> None:
        """Nothing is told of this probe any more."""
        self._latest.pop(probe, None)

    def _points(self, labels: dict[str, str], good: bool, seconds: float, now: float) -> list[Point]:
        text = label_text(labels)
        self._events[text] += 1
        self._good[text] += good
        return [
            Point(EVENTS, text, "counter", self._events[text], now),
            Point(GOOD, text, "counter", self._good[text], now),
            Point(SECONDS, text, "gauge", seconds, now),
        ]
