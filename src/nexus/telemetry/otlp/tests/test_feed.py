from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest

from nexus.telemetry.otlp import feed
from nexus.telemetry.records import POINTS
from nexus.telemetry.store import Store, writer

LATER, NOW = datetime(2026, 11, 26, 12, tzinfo=UTC), datetime(2026, 11, 25, 12, tzinfo=UTC)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Sets the store's clock."""

    def at(when: datetime) -> None:
        class Clock(datetime):
            @classmethod
            def now(cls, tz: Any = None) -> Any:
                return when

        monkeypatch.setattr(writer, "datetime", Clock)

    return at


def append(store: Store, *values: float) -> None:
    rows = [
        {"time": NOW, "name": "n", "labels": f'{{"v":"{value}"}}', "kind": "gauge", "value": value}
        for value in values
    ]
    store.append("metrics", pa.Table.from_pylist(rows, POINTS))


@pytest.mark.parametrize("limit", [1, 2, 100])
@pytest.mark.parametrize("firsts", [None, {}])
def test_a_clock_that_jumps_back_and_forth_neither_skips_nor_turns_round(
    store: Store, clock: Any, limit: int, firsts: feed.Firsts | None
) -> None:
    expected: list[float] = []
    for when in (LATER, NOW, LATER, NOW):
        clock(when)
        values = [len(expected) + 1.0, len(expected) + 2.0, len(expected) + 3.0]
        append(store, *values)
        expected += values
    found, at, lost = [], 0, 0
    while (portion := feed.read(store, "metrics", at, limit, firsts)).rows:
        found += [row["value"] for row in portion.rows]
        at, lost = portion.number, lost + portion.lost
    assert (found, lost) == (expected, 0)
