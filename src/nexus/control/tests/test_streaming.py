"""The control loop keeps one stream: it starts again when it dies, and ends without anything to do."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nexus.control.streaming import Streaming, told
from nexus.recovery.streaming.status import read_status
from nexus.recovery.streaming.told import Told
from nexus.runtimes.home import Home


async def until(wanted: Callable[[], Any]) -> None:
    give_up = time.monotonic() + 60
    while not wanted():
        assert time.monotonic() < give_up
        await asyncio.sleep(0.05)


async def test_a_stream_that_dies_is_started_again_and_told_the_same(tmp_path: Path) -> None:
    home = Home.at(tmp_path / "home")
    home.logs.mkdir(parents=True)
    home.furnish()
    url = tmp_path / "url"
    url.write_text("postgresql://postgres:none@127.0.0.1:1/postgres")  # nobody listens there
    tasks: list[Told | None] = [Told(tmp_path, url)]
    streaming = Streaming(home, lambda: tasks[-1])
    streaming.begin()

    def alive() -> bool:
        status = read_status(home)
        return status is not None and status.alive and status.pid == streaming.pid

    try:
        await until(alive)
        first = streaming.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        await until(lambda: streaming.pid not in (None, first) and alive())
        await until(lambda: (status := read_status(home)) and status.state == "away")
        status = read_status(home)
        assert status is not None
        assert "Connect" in status.troubles[0].text
        tasks.append(None)  # the stack was taken down
        streaming.changed()
        await until(lambda: streaming.pid is None)
        status = read_status(home)
        assert status is not None
        assert (status.state, status.alive) == ("ended", False)
    finally:
        await streaming.end()


def test_without_a_stack_there_is_nothing_to_stream() -> None:
    assert told(None) is None
