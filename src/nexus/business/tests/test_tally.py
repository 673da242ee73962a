"""What is counted stays counted: over restarts, breaks, late lines and clocks that are set back."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from nexus.business import objectives as counting
from nexus.business.points import ask_points
from nexus.business.promises import Promise
from nexus.business.tally import EVENTS_TOTAL, GOOD_TOTAL
from nexus.business.tests.test_objectives import AVAILABILITY, NOW, counted, happened, watching
from nexus.telemetry.store import Store

FACTS = replace(AVAILABILITY, name="invoiced", kind="facts", sql="SELECT")
DAY = 86_400


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "telemetry")
    yield store
    store.close()


def totals(objectives: counting.Objectives, objective: str = "availability") -> tuple[float, ...]:
    told = {
        point.name: point.value
        for point in objectives.latest()
        if json.loads(point.labels).get("objective") == objective
    }
    return tuple(told[name] for name in (GOOD_TOTAL, EVENTS_TOTAL) if name in told)


async def restarted(store: Store, now: float) -> counting.Objectives:
    again = watching(store)
    await again.look(now)
    return again


async def test_counters_never_go_back_whenever_the_collector_dies(store: Store) -> None:
    first = watching(store)
    for turn in range(3):
        happened(store, {}, {"status": 500})
        await first.look(NOW + 10 * turn)
    assert totals(first) == (3, 6)
    assert totals(await restarted(store, NOW + 30)) == (3, 6)


async def test_what_is_caught_up_fills_the_windows_and_leaves_the_counters_alone(store: Store) -> None:
    objectives = watching(store)
    happened(store, *[{"time": NOW - 3600}] * 7, {"time": NOW - 480}, {})
    await objectives.look(NOW)
    for each in (objectives, await restarted(store, NOW + 10)):
        assert counted(each, "availability", "2h") == (9, 9)
        assert totals(each) == (2, 2)


async def test_lines_from_before_the_known_minutes_are_the_same_before_and_after_a_restart(
    store: Store,
) -> None:
    objectives = watching(store)
    for late in (5, 3):
        happened(store, {}, *[{"time": NOW - 4 * DAY}] * late)
        await objectives.look(NOW)
    for each in (objectives, await restarted(store, NOW + 10)):
        assert counted(each, "availability", "28d") == (2, 2)


async def test_counting_goes_on_at_once_when_the_clock_is_set_back(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    ahead = NOW + 5 * DAY
    objectives = watching(store)
    happened(store, {"time": ahead, "observed": ahead})
    await objectives.look(ahead)
    for turn in range(2):
        happened(store, {}, {"service": "nginx", "status": 502})
        await objectives.look(NOW + 20 * turn)
    assert counted(objectives, "availability") == (2, 4)
    burnt = ask_points(
        store,
        store.days("business"),
        f"SELECT 1 FROM points WHERE name = 'nexus_burn_rate' AND epoch(time) <= {NOW}",
    )
    assert burnt


def test_facts_that_a_clock_ahead_has_asked_are_no_reason_to_wait() -> None:
    minute = int(time.time() // 60)
    promise = Promise.begun("cash", FACTS, str(minute + 10_000))
    assert minute <= promise.asked <= minute + 1
    assert promise.due(time.time() + 180)
