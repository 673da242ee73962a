from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from nexus.telemetry.query import LogQuery, QueryError, logs
from nexus.telemetry.store import Policy, Store
from nexus.telemetry.store.days import Day
from nexus.telemetry.store.tests.batches import NOW, age, batch, lines

_ORDER = "01a21487-485e-7180-a62f-7cd8a4c50a80"
_OTHER = "01a21487-485e-7180-a62f-7cd8a4c50a81"
_HEX = "4efa1ca117507266bc78e646c32ddb68"
_TRACE = "436b522465cb4cf28beee2ad002539ba"

_ROWS: list[dict[str, Any]] = [
    {"service": "sales", "body": f"POST /api/orders/{_ORDER}/confirm 200", "method": "POST", "status": 200,
     "path": f"/api/orders/{_ORDER}/confirm", "trace_id": _TRACE, "duration_ms": 12.5,
     "attributes": f'{{"request_id":"{_HEX}","bytes":1754,"order_id":"{_ORDER}"}}'},
    {"service": "sales", "body": f"order {_OTHER} refused: credit limit", "severity": 13, "attributes":
     f'{{"order_id":"{_OTHER}","limit":"5000.00","retry":true,"ratio":0.5,"city":"São"}}'},
    {"service": "auth", "body": "ERROR: boom\n  at line 1\nCaused by: timeout", "severity": 17},
    {"service": "auth", "body": "\x01\x02 1754", "attributes": '{"bytes":1754,"trace":"' + _TRACE + '"}'},
]  # fmt: skip


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """The four lines, a second apart, the oldest first."""
    store = Store(tmp_path_factory.mktemp("store"), Policy(reserve=0))
    for number, row in enumerate(_ROWS):
        store.append("logs", batch("logs", [{**row, "time": NOW + timedelta(seconds=number)}]))
    yield store
    store.close()


def _found(store: Store, **query: object) -> list[int]:
    page = logs(store, LogQuery(**query))  # type: ignore[arg-type]
    return [round((row["time"] - NOW).total_seconds()) for row in page.rows]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, [0, 1, 2, 3]),
        ({"limit": 2}, [2, 3]),
        ({"limit": 2, "newest": False}, [0, 1]),
        ({"services": ("auth", "users")}, [2, 3]),
        ({"level": "warn"}, [1, 2]),
        ({"since": NOW + timedelta(seconds=1), "until": NOW + timedelta(seconds=3)}, [1, 2]),
        ({"trace": _TRACE}, [0]),
        ({"trace": _TRACE.upper()}, [0]),
        ({"text": "timeout"}, [2]),
        ({"text": "orders/01a21487"}, [0]),
        ({"text": "order"}, [0, 1]),
        ({"text": _ORDER}, [0]),
        ({"text": _ORDER[4:20]}, [0, 1]),
        ({"text": f"order {_OTHER} refused"}, [1]),
        ({"text": "1754"}, [0, 3]),
        ({"text": '"bytes":1754'}, [0, 3]),
        ({"text": '"bytes":175'}, [0, 3]),
        ({"text": "75"}, [0, 3]),
        ({"text": _HEX}, [0]),
        ({"text": _HEX[3:9]}, [0]),
        ({"text": _TRACE}, [3]),
        ({"text": "nothing of it"}, []),
        ({"grep": "refused: (credit|stock)"}, [1]),
        ({"grep": "^Caused by"}, [2]),
        ({"grep": "confirm 2..$"}, [0]),
        ({"grep": "(?i)error"}, [2]),
        ({"grep": "orders/[0-9a-f-]+/confirm"}, [0]),
        ({"grep": "a{2}|boom"}, [2]),
        ({"grep": "\\x42oom|boo[m]"}, [2]),
        ({"grep": "\\x62oo[m]"}, [2]),
        ({"grep": "credit\\s+l[a-j]mit"}, [1]),
        ({"grep": "limits?\":"}, [1]),
        ({"where": (("status", "200"),)}, [0]),
        ({"where": (("method", "POST"), ("service", "sales"))}, [0]),
        ({"where": (("duration_ms", "12.5"),)}, [0]),
        ({"where": (("path", f"/api/orders/{_ORDER}/confirm"),)}, [0]),
        ({"where": (("body", "ERROR: boom\n  at line 1\nCaused by: timeout"),)}, [2]),
        ({"where": (("order_id", _ORDER),)}, [0]),
        ({"where": (("order_id", _OTHER),)}, [1]),
        ({"where": (("request_id", _HEX),)}, [0]),
        ({"where": (("bytes", "1754"),)}, [0, 3]),
        ({"where": (("bytes", "175"),)}, []),
        ({"where": (("limit", "5000.00"),)}, [1]),
        ({"where": (("ratio", "0.5"),)}, [1]),
        ({"where": (("retry", "true"),)}, [1]),
        ({"where": (("city", "São"),)}, [1]),
        ({"where": (("trace", _TRACE),)}, [3]),
        ({"where": (("trace_id", _TRACE),)}, [0]),
    ],
)  # fmt: skip
def test_the_lines_that_are_asked_for_are_found(
    full: Store, query: dict[str, object], found: list[int]
) -> None:
    assert _found(full, **query) == found


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ({"grep": "a("}, "missing \\)"),
        ({"trace": "xyz"}, "no trace id"),
        ({"level": "loud"}, "no level"),
        ({"after": "-1"}, "no cursor"),
        ({"where": (('a"b', "1"),)}, "no name of an attribute"),
    ],
)
def test_a_question_that_is_none_is_told(full: Store, query: dict[str, object], why: str) -> None:
    with pytest.raises(QueryError, match=why):
        _found(full, **query)


@pytest.mark.parametrize("pattern", ["(corrupt", "[could not read", "checksum("])
def test_a_faulty_regexp_harms_no_file(store: Store, pattern: str) -> None:
    store.append("logs", lines("kept"))
    with pytest.raises(QueryError, match="no regexp"):
        logs(store, LogQuery(grep=pattern))
    assert [row["body"] for row in logs(store, LogQuery()).rows] == ["kept"]


def test_an_error_that_quotes_words_of_damage_sets_no_file_aside(store: Store) -> None:
    store.append("logs", lines("kept"))
    (day,) = store.days("logs")
    for sql in (
        "SELECT regexp_matches(text, '(corrupt') FROM {}.rows",
        "SELECT 'checksum'::INT FROM {}.rows",
    ):
        with pytest.raises(duckdb.Error), store.reading(day) as (cursor, db):
            cursor.execute(sql.format(db))
    assert store.days("logs") == [day]


def test_a_follower_that_looks_while_a_batch_is_published_misses_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = [logs(store, LogQuery())]

    def follow() -> None:
        pages.append(logs(store, LogQuery(after=pages[-1].cursor)))

    def grow(day: Day, *facts: Any) -> None:
        follow()
        grown(day, *facts)
        follow()

    grown = Day.grow
    monkeypatch.setattr(Day, "grow", grow)
    store.append("logs", lines("first of the file"))
    store.append("logs", lines("next"))
    follow()
    assert [row["body"] for page in pages for row in page.rows] == ["first of the file", "next"]


def test_a_row_is_plain_values(full: Store) -> None:
    row = logs(full, LogQuery(trace=_TRACE)).rows[0]
    assert row["attributes"] == {"request_id": _HEX, "bytes": 1754, "order_id": _ORDER}
    assert row["time"] == NOW
    assert row["trace_id"] == _TRACE
    assert row["path"] == f"/api/orders/{_ORDER}/confirm"


def test_following_gives_each_line_once_in_the_order_of_commitment(store: Store) -> None:
    store.append("logs", lines("0", "1"))
    page = logs(store, LogQuery(limit=1))
    seen = [row["body"] for row in page.rows]
    for start in range(2, 50, 6):
        late = NOW - timedelta(days=start)  # written late, with an old time
        store.append("logs", lines(*map(str, range(start, start + 6)), time=late))
        more = True
        while more:
            page = logs(store, LogQuery(after=page.cursor, limit=4))
            seen += [row["body"] for row in page.rows]
            more = len(page.rows) == 4
    assert sorted(map(int, seen)) == list(range(1, 50))


def test_following_goes_on_over_midnight_and_the_sealing_of_a_day(tmp_path: Path) -> None:
    store = Store(tmp_path, Policy(reserve=0))
    store.append("logs", lines("a", "b"))
    cursor = logs(store, LogQuery(limit=1)).cursor
    store.append("logs", lines("c"))
    store.close()
    age(tmp_path, "logs", 1)
    store = Store(tmp_path, Policy(reserve=0))
    store.append("logs", lines("d"))
    store.tend()

    assert [row["body"] for row in logs(store, LogQuery(after=cursor)).rows] == ["c", "d"]
    store.close()


def test_the_newest_lines_are_found_over_several_days(tmp_path: Path) -> None:
    for ago in (3, 2, 1):
        store = Store(tmp_path, Policy(reserve=0))
        store.append("logs", lines(f"{ago} a", f"{ago} b", time=NOW - timedelta(days=ago)))
        store.close()
        age(tmp_path, "logs", ago)
    store = Store(tmp_path, Policy(reserve=0))

    def bodies(query: LogQuery) -> list[str]:
        return [row["body"] for row in logs(store, query).rows]

    assert bodies(LogQuery(limit=3)) == ["2 b", "1 a", "1 b"]
    assert bodies(LogQuery(limit=3, newest=False)) == ["3 a", "3 b", "2 a"]
    assert bodies(LogQuery(until=NOW - timedelta(days=1, hours=12), limit=1)) == ["2 b"]
    store.close()
