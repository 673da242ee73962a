from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

import pytest

from nexus.telemetry.query import LogQuery, logs, sql
from nexus.telemetry.store import Keep, Policy, Store, StoreError, StoreFull, catalogue, keeping, writer
from nexus.telemetry.store.policy import MIB
from nexus.telemetry.store.tests.batches import age, batch, lines, points


def _bodies(store: Store) -> list[str]:
    return sorted(row["body"] for row in logs(store, LogQuery(limit=100_000)).rows)


def _past(opened: Callable[..., Store], folder: Path, days: dict[int, list[str]]) -> None:
    """Files of so many days ago with these lines."""
    for ago, bodies in days.items():
        opened().append("logs", lines(*bodies), {f"source-{ago}": "1"})
        opened().close()
        age(folder, "logs", ago)


def test_past_days_are_sealed_once_with_every_line(opened: Callable[..., Store], tmp_path: Path) -> None:
    bodies = [f"order {number} confirmed" for number in range(2_000)]
    _past(opened, tmp_path, {1: bodies})
    store = opened()
    store.append("logs", lines("today"))

    sealed = store.tend()

    assert [what for what in sealed if what.startswith("sealed logs of")]
    assert not [what for what in store.tend() if what.startswith("sealed")]
    assert _bodies(store) == sorted([*bodies, "today"])
    store = opened()
    assert _bodies(store) == sorted([*bodies, "today"])
    assert store.facts()["signals"]["logs"]["rows"] == 2_001


def test_more_than_the_size_drops_the_oldest_first(opened: Callable[..., Store], tmp_path: Path) -> None:
    _past(opened, tmp_path, {3: ["oldest"], 2: ["older"]})
    keep = {**Policy().keep, "logs": Keep(timedelta(days=14), 1)}
    store = opened(Policy(keep=keep, reserve=0))
    store.append("logs", lines("today"))

    done = store.tend()

    assert [what.split(",")[0].split(" of ")[0] for what in done][:2] == ["dropped logs", "dropped logs"]
    assert _bodies(store) == ["today"]
    assert [row["what"] for row in store.facts()["actions"]][-2:] == done[:2][::-1]


def test_a_nearly_full_disk_costs_the_oldest_days_and_business_last(
    opened: Callable[..., Store], tmp_path: Path
) -> None:
    _past(opened, tmp_path, {3: ["oldest"]})
    store = opened()
    store.append("business", points("nexus_kpi", [1.0]))
    opened().close()
    os.rename(next((tmp_path / "business").glob("*.duckdb")), tmp_path / "business" / "2020-01.duckdb")
    store = opened(Policy(reserve=2**60))

    with pytest.raises(StoreFull):
        store.append("logs", lines("b"))

    told = [each["what"] for each in store.facts()["actions"]][::-1]
    assert [what.split(" of ")[0] for what in told] == ["dropped logs", "dropped business"]
    assert all("nearly full" in what for what in told)


def test_checkpoints_outlive_the_file_that_held_them(opened: Callable[..., Store], tmp_path: Path) -> None:
    _past(opened, tmp_path, {20: ["old"]})
    store = opened()
    store.append("health", batch("health", [{}]))
    opened().close()
    age(tmp_path, "health", 1)
    store = opened()

    store.tend()

    assert _bodies(store) == []
    assert opened().checkpoints() == {"source-20": "1"}


class _Clock:
    """Shows a time so many days ahead."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ahead = timedelta()
        for module in (keeping, writer):
            monkeypatch.setattr(module, "datetime", self)

    def now(self, zone: tzinfo) -> datetime:
        return datetime.now(zone) + self.ahead


def test_a_clock_that_leaps_ahead_makes_nothing_old_until_it_went_on_for_a_day(
    opened: Callable[..., Store], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _past(opened, tmp_path, {1: ["yesterday"]})
    store, clock = opened(), _Clock(monkeypatch)
    store.append("logs", lines("today"))

    clock.ahead = timedelta(days=400)
    store.tend()
    store.append("logs", lines("leapt"))
    store.tend()
    assert _bodies(store) == ["leapt", "today", "yesterday"]

    clock.ahead = timedelta()
    store.append("logs", lines("set back"))
    clock.ahead = timedelta(days=800)
    store.append("logs", lines("leapt again"))
    store.tend()
    assert _bodies(store) == ["leapt", "leapt again", "set back", "today", "yesterday"]

    clock.ahead = timedelta(days=801)
    store.append("logs", lines("a day later"))
    store.tend()
    assert _bodies(store) == ["a day later", "leapt again"]


def test_a_batch_that_comes_while_a_day_is_sealed_is_kept(
    opened: Callable[..., Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    store, clock = opened(), _Clock(monkeypatch)
    store.append("logs", lines("before"), {"source": "1"})
    clock.ahead = timedelta(days=1)
    alone, late = store.engine.alone, ["late"]

    def wait(*day: Any) -> Any:
        """Here a writer that took the day for today just before midnight commits."""
        if late:
            clock.ahead = timedelta()
            store.append("logs", lines(late.pop()), {"source": "2"})
            clock.ahead = timedelta(days=1)
        return alone(*day)

    monkeypatch.setattr(store.engine, "alone", wait)
    assert store.tend() == []
    assert any(what.startswith("sealed") for what in store.tend())
    assert _bodies(store) == ["before", "late"]
    assert store.checkpoints() == {"source": "2"}


def test_a_file_that_vanishes_is_of_no_size(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.append("logs", lines("a"))
    (day,) = store.days("logs")
    assert day.size > 0
    monkeypatch.setattr(Path, "exists", lambda _: True)
    day.path = day.path.with_name("gone")
    assert day.size == 0


def test_drops_are_written_down_with_the_next_batch(store: Store) -> None:
    for number in range(3):
        store.dropped("sales", "flood", 2)
        store.append("health", batch("health", [{}]))
        if not number:
            written = _drops(store)
            assert [(service, why, count) for _, service, why, count in written] == [("sales", "flood", 2)]
    assert _drops(store) == written, "once in a few seconds, not with each batch"
    store.refresh()
    rows = _drops(store)
    assert sum(count for *_, count in rows) == 6
    assert len({minute for minute, *_ in rows}) == len(rows), "a minute of one reason is one row"


def _drops(store: Store) -> list[tuple[Any, ...]]:
    with store.engine.cursor() as cursor:
        return cursor.execute(f"FROM {catalogue.NAME}.drops").fetchall()


@pytest.fixture(scope="module")
def yesterday(tmp_path_factory: pytest.TempPathFactory) -> dict[bool, Path]:
    """A store with a file of yesterday, sealed and not."""
    folders = {sealed: tmp_path_factory.mktemp("yesterday") for sealed in (False, True)}
    store = Store(folders[False], Policy(reserve=0))
    store.append("logs", lines(*(f"old {number}" for number in range(1000))))
    store.close()
    age(folders[False], "logs", 1)
    shutil.copytree(folders[False], folders[True], dirs_exist_ok=True)
    store = Store(folders[True], Policy(reserve=0))
    assert store.tend()
    store.close()
    return folders


@pytest.mark.parametrize("sealed", [True, False])
@pytest.mark.parametrize("harm", ["junk", "truncated", "empty"])
def test_a_damaged_file_is_set_aside(
    opened: Callable[..., Store], tmp_path: Path, yesterday: dict[bool, Path], harm: str, sealed: bool
) -> None:
    shutil.copytree(yesterday[sealed], tmp_path, dirs_exist_ok=True)
    path = next((tmp_path / "logs").glob("*.duckdb"))
    size = path.stat().st_size
    with path.open("r+b") as file:
        if harm == "junk":
            file.write(os.urandom(size))
        else:
            file.truncate(size // 2 if harm == "truncated" else 0)

    store = opened()
    store.append("logs", lines("today"))
    store.tend()

    assert _bodies(store) == ["today"]
    if harm != "empty":
        assert list((tmp_path / "logs").glob("*.damaged"))
        assert any("damaged" in each["what"] for each in store.facts()["actions"])


_SEALER = """
import os, random, signal, sys, time
from pathlib import Path
from nexus.telemetry.store import Policy, Store

for kill in range(8):
    child = os.fork()
    if not child:
        Store(Path(sys.argv[1]), Policy(reserve=0)).tend()
        os._exit(0)
    ended = 0
    while not ended and not list(Path(sys.argv[1], "logs").glob("*.sealing")):
        time.sleep(0.001)
        ended, _ = os.waitpid(child, os.WNOHANG)
    if ended:
        break
    time.sleep(random.random() * 0.03)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
"""


def test_a_sealing_killed_at_any_moment_keeps_every_line(
    opened: Callable[..., Store], tmp_path: Path
) -> None:
    bodies = [f"order {number}" for number in range(10_000)]
    _past(opened, tmp_path, {2: bodies})
    subprocess.run([sys.executable, "-c", _SEALER, str(tmp_path)], check=True, timeout=60)

    store = opened()
    store.tend()

    assert _bodies(store) == sorted(bodies)
    assert not list((tmp_path / "logs").glob("*.sealing*"))


def test_what_was_dropped_is_counted_and_shown(opened: Callable[..., Store]) -> None:
    store = opened()
    store.dropped("sales", "flood", 7)
    store.dropped("sales", "flood", 3)
    store.tend()
    store.dropped("auth", "disk full", 1)

    store = opened()

    assert store.facts()["drops"] == {"sales": {"flood": 10}, "auth": {"disk full": 1}}
    assert sql(store, "SELECT service, sum(count)::INT FROM drops GROUP BY ALL ORDER BY 1").rows == [
        ("auth", 1),
        ("sales", 10),
    ]


def test_a_day_goes_on_in_a_new_file_before_it_grows_too_large(opened: Callable[..., Store]) -> None:
    policy = Policy(reserve=0, keep={**Policy().keep, "logs": Keep(timedelta(days=1), 1)})
    store = opened(policy)
    for _ in range(3):
        store.append("logs", lines(os.urandom(5 * MIB // 2).hex()))

    parts = store.facts()["signals"]["logs"]["days"]

    assert parts[1] == f"{parts[0]}.2"
    assert sql(store, "SELECT count(*) FROM logs").rows == [(3,)]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small disk needs root and the right to mount")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_disk_that_runs_full_loses_nothing_that_was_taken(small_disk: Path) -> None:
    """No reserve: DuckDB itself meets the end of the disk."""
    store = Store(small_disk / "store", Policy(reserve=0))
    taken = refused = 0
    for _ in range(60):
        random = [os.urandom(100_000).hex() for _ in range(10)]
        try:
            store.append("logs", lines(*random), {"source": str(taken + 10)})
            taken += 10
        except StoreError:
            refused += 1
            if refused > 3:
                break
    rows = sql(store, "SELECT count(*) FROM logs").rows[0][0]
    marks = store.checkpoints()
    store.close()

    assert refused
    assert rows == taken > 0
    assert marks == {"source": str(taken)}
    again = Store(small_disk / "store", Policy(reserve=0))
    assert sql(again, "SELECT count(*) FROM logs").rows == [(taken,)]
    again.close()


def test_answers_of_health_are_kept_and_sealed_too(opened: Callable[..., Store], tmp_path: Path) -> None:
    opened().append("health", batch("health", [{"ok": False}, {}]))
    opened().close()
    age(tmp_path, "health", 1)
    store = opened()

    assert [what.split(":")[0].split(" of ")[0] for what in store.tend()] == ["sealed health"]
    assert sql(store, "SELECT count(*) FROM health WHERE NOT ok").rows == [(1,)]
