"""What a killed drill leaves is ended and deleted by the next one; what is nobody's of it is left alone."""

import asyncio
import json
import os
import subprocess
from pathlib import Path

import pytest

from nexus.control.drilling.room import Room, clear_abandoned, clear_all, folder, made, strays
from nexus.migrations.rehearsing.leftovers import OWNER
from nexus.runtimes.home import Home

SLEEP = ("sleep", "600")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.at(tmp_path / "home")


def test_a_room_is_its_owners_and_is_gone_when_it_was_emptied(home: Home) -> None:
    with made(home) as room:
        (room.place / "home" / "data").mkdir(parents=True)
        assert json.loads((room.place / OWNER).read_text())["pid"] == os.getpid()
        assert asyncio.run(clear_abandoned(home)) == 0
        assert asyncio.run(room.empty()) == ""
    assert not folder(home).exists()


def test_what_a_killed_drill_left_is_ended_and_deleted(home: Home) -> None:
    place = folder(home) / "0a1b2c3d"
    (place / "home" / "data").mkdir(parents=True)
    ended = subprocess.Popen(["true"])
    ended.wait()
    (place / OWNER).write_text(json.dumps({"pid": ended.pid, "birth": "1"}))
    environment = {**os.environ, "DATABASE_URL_FILE": str(place / "home" / "secrets" / "url")}
    left = [
        subprocess.Popen(["sh", "-c", "sleep 600", str(place / "home")], start_new_session=True),
        subprocess.Popen(SLEEP, env=environment, start_new_session=True),
    ]
    beside = subprocess.Popen(SLEEP, env={**os.environ, "OTHER": f"{place}-not-it"}, start_new_session=True)
    try:
        assert {each.pid for each in strays(place)} >= {each.pid for each in left}
        assert asyncio.run(clear_abandoned(home)) == 1
        assert strays(place) == []
        assert not place.exists()
        assert beside.poll() is None
    finally:
        for each in (*left, beside):
            each.kill()
            each.wait()


def test_a_drill_that_is_under_way_is_left_alone(home: Home) -> None:
    with made(home) as room:
        (room.place / "home").mkdir()
        assert asyncio.run(clear_abandoned(home)) == 0
        assert room.place.exists()
        asyncio.run(Room(room.place).empty())


def test_what_an_operator_kept_stays_but_for_the_kits_key_until_all_data_go(home: Home) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    room = Room(folder(home) / "0a1b2c3d")
    (room.place / "home").mkdir(parents=True)
    (room.place / OWNER).write_text(json.dumps({"pid": ended.pid, "birth": "1"}))
    room.kit.write_text("AGE-SECRET-KEY-1\n")
    room.keep()
    assert asyncio.run(clear_abandoned(home)) == 0
    assert room.home.exists()
    assert not room.kit.exists()
    asyncio.run(clear_all(home))
    assert not folder(home).exists()
