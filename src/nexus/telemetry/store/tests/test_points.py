from __future__ import annotations

from collections.abc import Callable

import duckdb
import pytest

from nexus.telemetry.query import instant
from nexus.telemetry.store import Store, StoreError, writer
from nexus.telemetry.store.tests.batches import NOW, batch, points


def _stored(store: Store) -> list[tuple[int, float]]:
    rows = []
    for day in store.days("metrics"):
        with store.reading(day) as (cursor, db):
            sql = f"SELECT epoch(time)::BIGINT, value FROM {db}.rows ORDER BY ALL"
            rows += cursor.execute(sql).fetchall()
    return [(time - int(NOW.timestamp()), value) for time, value in rows]


def test_an_unchanged_value_is_written_once_a_minute(store: Store) -> None:
    store.append("metrics", points("up", [1.0] * 25))
    assert _stored(store) == [(0, 1.0), (60, 1.0), (120, 1.0)]


def test_a_step_lies_between_the_two_scrapes_where_it_was(store: Store) -> None:
    for value in points("up", [1.0, 1.0, 1.0, 0.0, 0.0]).to_batches(1):
        store.append("metrics", value)
    assert _stored(store) == [(0, 1.0), (10, 1.0), (15, 0.0)]


def test_a_series_is_told_apart_by_name_labels_and_kind(opened: Callable[..., Store]) -> None:
    rows = [
        {"name": "a"},
        {"name": "b"},
        {"name": "a", "labels": '{"x":"1"}'},
        {"name": "a", "kind": "counter"},
    ]
    opened().append("metrics", batch("metrics", rows))
    store = opened()
    store.append("metrics", batch("metrics", [{**row, "value": 2.0} for row in rows]))

    with store.reading(store.days("metrics")[0]) as (cursor, db):
        assert cursor.execute(f"SELECT count(*) FROM {db}.series").fetchall() == [(4,)]
        assert cursor.execute(f"SELECT count(*) FROM {db}.rows").fetchall() == [(8,)]


def test_a_series_of_a_batch_that_failed_is_written_with_the_next(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(*_: object) -> None:
        store.engine.renew()
        raise duckdb.FatalException("broken down")

    store.append("metrics", points("known", [1.0]))
    with monkeypatch.context() as patch:
        patch.setattr(writer, "_insert", break_down)
        with pytest.raises(StoreError):
            store.append("metrics", points("new", [1.0]))
    store.append("metrics", points("new", [2.0]))

    assert [value for _, value in instant(store, "new", NOW)] == [2.0]


def test_not_a_number_is_unchanged_too(store: Store) -> None:
    store.append("metrics", points("x", [float("nan")] * 5))
    assert len(_stored(store)) == 1
