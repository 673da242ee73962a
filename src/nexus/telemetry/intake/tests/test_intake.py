"""The intake as a whole: soon, fair, and patient with a full disk."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from nexus.runtimes.process.rotate import BLOCK, rotate
from nexus.telemetry.intake import Intake
from nexus.telemetry.intake.files import Files
from nexus.telemetry.intake.source import Source
from nexus.telemetry.intake.turn import take_turn
from nexus.telemetry.query import LogQuery, logs
from nexus.telemetry.store import Policy, Store
from nexus.telemetry.targets import LogSource, Targets


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nexus.telemetry.intake.intake.PAUSE", 0.1)
    monkeypatch.setattr("nexus.telemetry.intake.intake.AGAIN", 0.2)


def told(path: Path, format: str = "json") -> LogSource:
    return LogSource(f"file:{path.stem}", path.stem, "file", str(path), format)  # type: ignore[arg-type]


@asynccontextmanager
async def taking_in(store: Store, *sources: LogSource) -> AsyncIterator[Intake]:
    intake = Intake(store)
    intake.aim(Targets("nexus", "/", "process", sources=sources))
    running = asyncio.create_task(intake.run())
    yield intake
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def until(holds: Callable[[], Any]) -> None:
    give_up = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < give_up, "has not come true"
        await asyncio.sleep(0.05)


def bodies(store: Store, service: str) -> list[str]:
    return [row["body"] for row in logs(store, LogQuery(services=(service,), newest=False)).rows]


async def test_lines_of_all_services_are_found_and_a_new_service_is_joined(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    till, bank = tmp_path / "till.log", tmp_path / "bank.log"
    till.write_text('{"message":"one"}\nTraceback (most recent call last):\n  File "a.py"\nValueError: x\n')
    async with taking_in(store, told(till)) as intake:
        await until(lambda: len(bodies(store, "till")) == 2)
        bank.write_text("at the end without newline\nhalf")
        intake.aim(Targets("nexus", "/", "process", sources=(told(till), told(bank, "plain"))))
        await until(lambda: bodies(store, "bank"))
        facts = intake.facts()
    assert bodies(store, "bank") == ["at the end without newline"]
    assert bodies(store, "till")[1].endswith("ValueError: x")
    assert facts["sources"]["file:bank"]["behind_bytes"] == len("half")
    store.close()


async def test_what_is_there_is_stored_before_the_end_and_not_again_after_it(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    till = tmp_path / "till.log"
    till.write_text("one\n")
    async with taking_in(store, told(till, "plain")):
        await until(lambda: bodies(store, "till"))
        with open(till, "a") as log:
            log.write("two\n")
    with open(till, "a") as log:
        log.write("three\n")
    async with taking_in(store, told(till, "plain")):
        await until(lambda: len(bodies(store, "till")) == 3)
    assert bodies(store, "till") == ["one", "two", "three"]
    store.close()


def test_a_flood_of_one_service_leaves_the_others_their_turn(tmp_path: Path) -> None:
    flood, calm = tmp_path / "flood.log", tmp_path / "calm.log"
    flood.write_text('{"message":"flood"}\n' * 500_000)
    calm.write_text('{"message":"calm"}\n' * 100)
    sources = [Source(told(path), Files(told(path))) for path in (flood, calm)]
    batch = take_turn(sources, share=1 << 18, most=1 << 20)
    assert batch is not None
    services = batch.rows["service"].to_pylist()
    assert (services.count("calm"), batch.full) == (100, True)
    assert services.count("flood") < 100_000
    assert sources[0].facts()["behind_bytes"] > 1 << 22
    for source in sources:
        source.lines.close()


def test_a_turn_is_bounded_however_many_services_flood(tmp_path: Path) -> None:
    paths = [tmp_path / f"flood{number}.log" for number in range(12)]
    for path in paths:
        path.write_text('{"message":"flood"}\n' * 20_000)
    sources = [Source(told(path), Files(told(path))) for path in paths]
    batch = take_turn(sources, most=1 << 20)
    assert batch is not None
    assert batch.full
    assert set(batch.rows["service"].to_pylist()) == {path.stem for path in paths}
    assert batch.rows.num_rows <= (1 << 20) // len('{"message":"flood"}\n')
    for source in sources:
        source.lines.close()


async def test_a_full_disk_stops_the_reading_and_what_is_rotated_away_is_counted(tmp_path: Path) -> None:
    free = shutil.disk_usage(tmp_path)
    store = Store(tmp_path / "store", Policy(reserve=free.total))
    till = tmp_path / "till.log"
    till.write_text("one\n")
    async with taking_in(store, told(till, "plain")) as intake:
        await until(lambda: intake.facts()["trouble"])
        for _ in range(3):  # the first two find a place, the third is in the way of nobody but the first
            with open(till, "a") as log:
                log.write(("x" * 99 + "\n") * 40_000)
            assert rotate(till, BLOCK)
        assert bodies(store, "till") == []
        store.policy = Policy(reserve=0)
        await until(lambda: store.facts()["drops"])
        await until(lambda: not intake.facts()["sources"]["file:till"]["behind_bytes"])
    stored = store.facts()["signals"]["logs"]["rows"]
    lost = store.facts()["drops"]["till"]["rotated away"]
    assert lost > 10_000
    assert stored + lost in (120_001, 120_002), "one line may have been cut in two"
    store.close()
