"""What probes say of a process beside its users."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from nexus.business.objectives import Objectives
from nexus.business.points import table
from nexus.business.probing import Run, StepOutcome
from nexus.business.probing.counting import Counts
from nexus.business.probing.identity import new_trace_id
from nexus.business.tests.test_objectives import NOW, counted, happened, watching
from nexus.business.tests.test_probes import PROBE
from nexus.telemetry.store import Store

MINUTE = 60.0


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "telemetry")
    yield store
    store.close()


def ran(store: Store, counts: Counts, at: float, failing: str = "") -> None:
    """A run of all steps, kept at a time; `failing` names the one that went wrong."""
    steps = [
        StepOutcome(each, each.path, "", "", at, 0.1, 200, "201" if each.name == failing else "")
        for each in PROBE.steps
    ]
    store.append("business", table(counts.add(Run(PROBE, "0", "0" * 32, "0" * 16, at, 0.5, steps), at)))


async def later(objectives: Objectives, minutes: int) -> tuple[int, int]:
    await objectives.look(NOW + minutes * MINUTE)
    return counted(objectives, "availability")


async def test_without_users_each_run_is_one_event(store: Store) -> None:
    objectives, counts = watching(store), Counts()
    ran(store, counts, NOW - 3 * MINUTE)
    ran(store, counts, NOW - 2 * MINUTE, failing="order")
    ran(store, counts, NOW - 2 * MINUTE)
    for minutes in (0, 2, 4):
        assert await later(objectives, minutes) == (2, 3)
    assert objectives.window("cash", "availability", "5m", "order", at=NOW) == (0, 1)
    assert counted(objectives, "latency") == (0, 0)


async def test_a_failed_run_counts_at_once_and_one_that_went_well_when_its_minute_is_known(
    store: Store,
) -> None:
    objectives, counts = watching(store), Counts()
    ran(store, counts, NOW)
    ran(store, counts, NOW, failing="order")
    assert await later(objectives, 0) == (0, 1)
    assert await later(objectives, 1) == (1, 2)


async def test_beside_users_only_failed_runs_are_events(store: Store) -> None:
    objectives, counts = watching(store), Counts()
    ran(store, counts, NOW)
    ran(store, counts, NOW, failing="order")
    happened(store, *[{}] * 5)
    assert await later(objectives, 0) == (5, 6)
    assert await later(objectives, 2) == (5, 6)


async def test_requests_of_probes_are_not_what_users_got(store: Store) -> None:
    objectives = watching(store)
    trace = new_trace_id()
    lost = {"trace_id": trace, "service": "nginx", "status": 502, "path": "/orders/7/confirm"}
    happened(store, {"trace_id": trace}, lost, {"trace_id": "7" * 32})
    await objectives.look(NOW)
    assert counted(objectives, "availability") == counted(objectives, "latency") == (1, 1)


async def test_restarts_neither_lose_a_run_nor_make_one_up(store: Store) -> None:
    for turn in range(4):
        ran(store, Counts.restored(store), NOW - (4 - turn) * MINUTE)
        if turn % 2:
            await watching(store).look(NOW)
    again = watching(store)
    await again.look(NOW)
    assert counted(again, "availability") == (4, 4)
    latest = Counts.restored(store)._values
    assert sorted(set(latest.values())) == [0, 4]
