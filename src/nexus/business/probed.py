"""The steps of synthetic probes as events, from the counters that probes keep in the store."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import orjson

from nexus.business.windows import Events
from nexus.telemetry.store import Store
from nexus.telemetry.store.layout import view

GOOD, EVENTS = "nexus_probe_good_total", "nexus_probe_events_total"
LOOKBACK = timedelta(days=2)  # in which the value before is looked for


class Probed(NamedTuple):
    """What probes of a process did in a minute since the epoch; `step` is "" where they do not say."""

    process: str
    step: str
    minute: int
    events: Events


def read_probed(store: Store, after: int, upto: int) -> Iterator[Probed]:
    """The increases that points above `after` and up to `upto` tell; a counter that fell began anew."""
    since = time.time() - LOOKBACK.total_seconds()
    days = store.days("business", since=datetime.fromtimestamp(since, UTC))
    if not days:
        return
    with ExitStack() as files:
        opened = [files.enter_context(store.reading(day)) for day in days]
        points = " UNION ALL ".join(f"({view('business', db)})" for _, db in opened)
        sql = f"""
            WITH told AS (
                SELECT seq, time, name, labels, value,
                       coalesce(lag(value) OVER (PARTITION BY name, labels ORDER BY seq), 0) AS before
                FROM ({points}) WHERE name IN ('{GOOD}', '{EVENTS}') AND epoch(time) >= {since})
            SELECT labels, epoch_us(time) // 60000000 AS minute,
                   coalesce(sum(grown) FILTER (WHERE name = '{GOOD}'), 0)::BIGINT,
                   coalesce(sum(grown) FILTER (WHERE name = '{EVENTS}'), 0)::BIGINT
            FROM (SELECT *, CASE WHEN value < before THEN value ELSE value - before END AS grown FROM told)
            WHERE seq > {after:d} AND seq <= {upto:d} GROUP BY labels, minute"""
        found = opened[0][0].execute(sql).fetchall()
    for text, minute, good, total in found:
        labels = orjson.loads(text)
        if total:
            yield Probed(labels.get("process", ""), labels.get("step", ""), minute, Events(good, total))
