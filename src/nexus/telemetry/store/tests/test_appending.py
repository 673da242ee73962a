from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nexus.telemetry.query import LogQuery, logs
from nexus.telemetry.store import Policy, Store, StoreError, StoreFull
from nexus.telemetry.store.layout import view
from nexus.telemetry.store.tests.batches import age, batch, lines

_V7 = "01a21487-485e-7180-a62f-7cd8a4c50a80"
_HEX = "4efa1ca117507266bc78e646c32ddb68"
_TRACE = "436b522465cb4cf28beee2ad002539ba"


def _bodies(store: Store) -> list[str]:
    return sorted(row["body"] for row in logs(store, LogQuery(limit=100_000)).rows)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = Store(tmp_path_factory.mktemp("store"), Policy(reserve=0))
    yield store
    store.close()


@pytest.mark.parametrize(
    "row",
    [
        {"body": "started", "attributes": '{"port":29205,"zero":0,"x":1.50,"y":-3,"s":"007"}'},
        {"body": f"GET /o/{_V7} 200", "path": f"/o/{_V7}", "attributes": f'{{"id":"{_V7}","client":"::1"}}'},
        {"body": "x", "trace_id": _TRACE, "span_id": "0" * 15 + "1", "attributes": f'{{"r":"{_TRACE}"}}'},
        {"body": f"{_HEX} {_TRACE} {'0' * 32} {'1' * 32} {_HEX}", "path": f"/{_HEX}a/{_HEX}"},
        {"body": "many", "attributes": "{" + ",".join(f'"k{n}":{n}' for n in range(40)) + "}"},
        {"body": _V7, "trace_id": _TRACE, "path": f"/{_HEX}/{_TRACE}", "attributes": '{"a":1},' * 30},
        {"body": "Traceback:\n  File \"a\", line 1\n\nBoom\n", "path": "/a b/ã?q=1"},
        {"body": "", "path": "", "attributes": ""},
        {"body": "\x01\x02\x05 \x06 \x00.", "trace_id": _TRACE, "attributes": f'{{"i":"{_TRACE}","n":7}}'},
        {"body": "long " + _HEX * 3000, "trace_id": _TRACE, "attributes": f'{{"i":"{_TRACE}","n":7}}'},
        {"body": "spaced", "attributes": '{"a": 1, "b": "\\u00e3", "c": 123456789012345678901234567890}'},
        {"body": "upper", "attributes": f'{{"id":"{_V7.upper()}","h":"{_HEX.upper()}"}}'},
    ],
)  # fmt: skip
def test_a_line_comes_back_as_it_was(shared: Store, row: dict[str, str]) -> None:
    written = batch("logs", [row])
    shared.append("logs", written)

    newest = f"seq = {shared.committed('logs')}"
    with shared.reading(shared.days("logs")[0]) as (cursor, db):
        read = cursor.execute(f"FROM ({view('logs', db)}) WHERE {newest}").to_arrow_table().to_pylist()[0]
    expected = written.to_pylist()[0]
    for name in ("body", "path", "attributes", "trace_id", "span_id", "method", "severity"):
        assert read[name] == expected[name], name


def test_lines_and_checkpoints_outlive_the_process(opened: Callable[..., Store], tmp_path: Path) -> None:
    opened().append("logs", lines("a", "b"), {"sales": "2", "auth": "9"})
    store = opened()
    store.append("logs", lines("c"), {"sales": "3"})

    store = opened()

    assert store.checkpoints() == {"sales": "3", "auth": "9"}
    assert _bodies(store) == ["a", "b", "c"]


def test_a_new_day_goes_on_from_the_checkpoints_of_the_last(
    opened: Callable[..., Store], tmp_path: Path
) -> None:
    opened().append("logs", lines("a"), {"quiet": "1", "busy": "1"})
    opened().close()
    age(tmp_path, "logs", 20)
    opened().append("logs", lines("b"), {"busy": "2"})
    opened().close()
    age(tmp_path, "logs", 1)
    store = opened()
    store.append("logs", lines("c"))

    done = store.tend()

    assert any("older than 14 d" in what for what in done)
    assert _bodies(store) == ["b", "c"]
    assert opened().checkpoints() == {"quiet": "1", "busy": "2"}


_WRITER = r"""
import os, random, select, signal, sys, time
from pathlib import Path
from nexus.telemetry.store import Policy, Store
from nexus.telemetry.store.tests.batches import lines

def write(folder, told):
    store = Store(folder, Policy(reserve=0, threads=1))
    done = int(store.checkpoints().get("source", "0"))
    while True:
        size = random.choice((1, 50, 500))
        batch = lines(*(f"line {n}" for n in range(done, done + size)))
        done += size
        store.append("logs", batch, {"source": str(done)})
        os.write(told, b"%d\n" % done)

for kill in range(20):
    heard, told = os.pipe()
    child = os.fork()
    if not child:
        write(Path(sys.argv[1]), told)
    if kill % 4:  # else it dies while it opens the store
        select.select([heard], [], [])  # its first commit, however slow the machine is
    time.sleep(random.random() * 0.05)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(told)
    print(open(heard).read(), flush=True)
"""


def test_twenty_kills_lose_no_committed_line_and_double_none(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    run = subprocess.run(
        [sys.executable, "-c", _WRITER, str(folder)], capture_output=True, text=True, timeout=300
    )
    assert not run.stderr
    acknowledged = max(map(int, run.stdout.split()))

    store = Store(folder, Policy(reserve=0))
    done = int(store.checkpoints()["source"])
    numbers: list[int] = []
    for day in store.days("logs"):
        with store.reading(day) as (cursor, db):
            sql = f"SELECT regexp_extract(text, 'line ([0-9]+)', 1)::BIGINT FROM {db}.rows"
            numbers += [number for (number,) in cursor.execute(sql).fetchall()]
    store.close()

    assert not run.stderr
    assert done >= acknowledged > 0
    assert sorted(numbers) == list(range(done))


def test_a_second_process_is_told_who_holds_the_store(store: Store, tmp_path: Path) -> None:
    store.append("logs", lines("a"))
    code = textwrap.dedent(
        """
        import sys; from pathlib import Path; from nexus.telemetry.store import *
        try: Store(Path(sys.argv[1]), read_only=True)
        except StoreBusy as error: print(error)
        """
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, timeout=60
    )
    assert "another process holds" in run.stdout


def test_reading_only_changes_nothing(opened: Callable[..., Store], tmp_path: Path) -> None:
    opened().append("logs", lines("a"), {"s": "1"})
    store = opened(read_only=True)

    assert _bodies(store) == ["a"]
    assert store.checkpoints() == {"s": "1"}
    with pytest.raises(StoreError, match="reading only"):
        store.append("logs", lines("b"))
    assert store.tend() == []


def test_a_nearly_full_disk_is_left_alone(opened: Callable[..., Store]) -> None:
    opened().append("logs", lines("a"), {"s": "1"})
    store = opened(Policy(reserve=2**60))

    with pytest.raises(StoreFull, match="nearly full"):
        store.append("logs", lines("b"), {"s": "2"})

    assert _bodies(store) == ["a"]
    assert store.checkpoints() == {"s": "1"}


def test_another_shape_is_refused(store: Store) -> None:
    with pytest.raises(StoreError, match="another shape"):
        store.append("logs", batch("health", [{}]))
