"""Runs and steps of probes as counters and times."""

from __future__ import annotations

from collections import defaultdict

from nexus.business.point import Point, label_text
from nexus.business.points import ask_points
from nexus.business.probing.outcome import Run
from nexus.telemetry.store import Store

GOOD, EVENTS = "nexus_probe_good_total", "nexus_probe_events_total"
RUNS, SECONDS = "nexus_probe_runs_total", "nexus_probe_seconds"
RUN = "nexus_probe_run"


class Counts:
    """The runs of each probe by outcome, and of its steps those that were done.

    Of `nexus_probe_seconds` the series without a step is the whole run. `nexus_probe_run` is one run: its
    number, below 0 and with the step that failed when one did. So no two runs have equal values, of which the
    store would keep one a minute.
    """

    def __init__(self) -> None:
        self._values: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._latest: defaultdict[str, dict[tuple[str, str], Point]] = defaultdict(dict)

    @classmethod
    def restored(cls, store: Store) -> Counts:
        """Goes on with the newest values that are kept. Raises StoreError, duckdb.Error."""
        counts = cls()
        sql = f"""
            SELECT name, labels, max_by(value, seq)::BIGINT FROM points
            WHERE name IN ('{RUNS}', '{GOOD}', '{EVENTS}') GROUP BY name, labels"""
        for name, labels, value in ask_points(store, store.days("business"), sql):
            counts._values[name, labels] = value
        return counts

    def add(self, run: Run, now: float) -> list[Point]:
        """Counts a run and returns its points."""
        labels = {"process": run.probe.process, "probe": run.probe.name}
        failed = run.failed
        good = failed is None
        points = [
            self._counted(RUNS, {**labels, "outcome": "good"}, good, now),
            self._counted(RUNS, {**labels, "outcome": "failed"}, not good, now),
            Point(SECONDS, label_text(labels), "gauge", run.seconds, now),
        ]
        for each in run.steps:
            step = {**labels, "step": each.step.name}
            points.append(self._counted(EVENTS, step, True, now))
            points.append(self._counted(GOOD, step, each.good, now))
            points.append(Point(SECONDS, label_text(step), "gauge", each.seconds, now))
        self._latest[run.probe.name].update({(point.name, point.labels): point for point in points})
        told = label_text({**labels, "step": failed.step.name if failed else ""})
        number = sum(point.value for point in points if point.name == RUNS)
        return [*points, Point(RUN, told, "gauge", number if good else -number, now)]

    def latest(self) -> list[Point]:
        """The newest point of each series; a step that was not reached keeps the counts it had."""
        return [point for points in self._latest.values() for point in points.values()]

    def forget(self, probe: str) -> None:
        """Nothing is told of this probe any more."""
        self._latest.pop(probe, None)

    def _counted(self, name: str, labels: dict[str, str], one: bool, now: float) -> Point:
        text = label_text(labels)
        self._values[name, text] += one
        return Point(name, text, "counter", self._values[name, text], now)
