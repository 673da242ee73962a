"""An answer that nobody waits for is not worked out to its end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextvars import copy_context
from pathlib import Path

import pytest

from nexus.telemetry.query import QueryError, sql
from nexus.telemetry.store import Store
from nexus.telemetry.store.asker import ASKER, Asker, GivenUp
from nexus.telemetry.store.tests.batches import lines

ENDLESS = "SELECT count(*) FROM range(100000000) a, range(100000000) b"


def test_a_query_ends_when_its_asker_gives_up(tmp_path: Path) -> None:
    store, asker, ended = Store(tmp_path), Asker(), threading.Event()

    def ask() -> None:
        ASKER.set(asker)
        with pytest.raises((QueryError, GivenUp)):
            sql(store, ENDLESS, 1, seconds=60)
        ended.set()

    thread = threading.Thread(target=copy_context().run, args=(ask,), daemon=True)
    thread.start()
    time.sleep(0.5)
    asker.give_up()
    assert ended.wait(10), "it goes on for an asker that is gone"
    store.close()


def test_nothing_new_begins_for_an_asker_that_gave_up(tmp_path: Path) -> None:
    store, asker = Store(tmp_path), Asker()
    asker.give_up()

    def ask() -> None:
        ASKER.set(asker)
        with pytest.raises(GivenUp):
            sql(store, "SELECT 1")

    copy_context().run(ask)
    assert sql(store, "SELECT 1").rows == [(1,)]
    store.close()


def test_a_reader_of_today_does_not_stop_the_writer_after_a_restart(
    opened: Callable[..., Store],
) -> None:
    opened().append("logs", lines("before"))
    store = opened()
    (day,) = store.days("logs")
    with store.reading(day) as (cursor, db):
        cursor.begin()
        assert cursor.execute(f"SELECT count(*) FROM {db}.rows").fetchall() == [(1,)]
        store.append("logs", lines("after"))
    assert store.facts()["signals"]["logs"]["rows"] == 2
