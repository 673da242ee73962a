"""Runs of synthetic probes as events of availability, beside what users got.

A run is one event at most. One that failed always is, at the step that failed. One that went well is an
event only where users tell nothing: when no request of theirs fell into its minute. So a probe tells whether
a process works when nobody uses it, and hardly weighs where many do.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import orjson

from nexus.business.points import ask_points
from nexus.business.probing.counting import RUN
from nexus.business.probing.identity import MARK
from nexus.business.tally import Counts, Key, Tally
from nexus.business.windows import NONE, Events
from nexus.stack import Process
from nexus.telemetry.store import Store
from nexus.telemetry.store.layout import view

FAILED, WELL = RUNS = ("runs of probes that failed", "runs of probes that went well")
SETTLED = 30.0  # seconds after which the users' requests of a minute are counted


class Ran(NamedTuple):
    """One run: its number in the store, whose it is, the step that failed, and the minute since the epoch."""

    seq: int
    process: str
    step: str
    minute: int
    good: bool


def read_runs(store: Store, after: int, upto: int) -> list[Ran]:
    """The runs numbered above `after` and up to `upto`, in the order in which they were kept."""
    sql = f"""
        SELECT seq, labels, epoch_us(time) // 60000000, value FROM points
        WHERE name = '{RUN}' AND seq > {after:d} AND seq <= {upto:d} ORDER BY seq"""
    days = [day for day in store.days("business") if day.seq > after]
    runs = []
    for seq, text, minute, value in ask_points(store, days, sql):
        labels = orjson.loads(text)
        runs.append(Ran(seq, labels["process"], labels["step"], minute, value > 0))
    return runs


def sent_by_probes(store: Store, after: int, upto: int) -> set[int]:
    """The numbers of the log lines above `after` and up to `upto` that are of requests of probes."""
    found: set[int] = set()
    for day in store.days("logs"):
        if day.seq <= after:
            continue
        with store.reading(day) as (cursor, db):
            rows = f"(SELECT * FROM {db}.rows WHERE seq > {after:d} AND seq <= {upto:d})"
            sql = f"SELECT seq FROM ({view('logs', db, rows)}) WHERE starts_with(trace_id, '{MARK}')"
            found.update(seq for (seq,) in cursor.execute(sql).fetchall())
    return found


def count_runs(
    runs: Sequence[Ran],
    processes: Mapping[str, Process],
    tally: Tally,
    cursors: Mapping[str, int],
    upto: int,
    now: float,
) -> tuple[Counts, dict[str, int]]:
    """The events that these runs are, and how far runs are then counted.

    Failed runs count at once; the others once the requests of their minute are known.
    """
    settled = int((now - SETTLED) // 60)
    waiting = next((run.seq for run in runs if settled <= run.minute <= now // 60), upto + 1)
    new = [
        run
        for run in runs
        if (run.seq > cursors[WELL] and run.seq < waiting if run.good else run.seq > cursors[FAILED])
    ]
    before = [run for run in runs if not run.good and run.seq <= cursors[FAILED]]
    counts: defaultdict[tuple[Key, int], Events] = defaultdict(lambda: NONE)
    for run in new:
        process, minute = processes.get(run.process), min(run.minute, int(now // 60))
        for objective in process.objectives if process else ():
            if objective.kind != "availability":
                continue
            told = sum(each.process == run.process and each.minute == run.minute for each in before)
            if not run.good or tally.window(run.process, objective.name, 1, minute).total <= told:
                where = Key(run.process, objective.name, run.step), minute
                counts[where] = counts[where].plus(Events(int(run.good), 1))
    return counts, {FAILED: upto, WELL: waiting - 1}
