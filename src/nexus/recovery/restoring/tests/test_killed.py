"""A restore that is killed at any moment leaves nothing that the same call does not clear away."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path

import psutil
import pytest

from nexus.recovery.restoring.choose import choose
from nexus.recovery.restoring.restore import restore
from nexus.recovery.restoring.target import Target
from nexus.recovery.restoring.tests.conftest import History
from nexus.recovery.restoring.tests.living import gone


async def begun(history: History, room: Path) -> asyncio.subprocess.Process:
    repository = history.living.repository
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "nexus.recovery.restoring.tests.killed"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    told = {
        "place": str(history.living.room / "backups"),
        "identity": repository.keys.identity,
        "scratch": str(history.living.room / "scratch-of-another"),
        "data": str(room / "data"),
    }
    assert child.stdin is not None
    child.stdin.write(json.dumps(told).encode() + b"\n")
    return child


def servers(room: Path) -> list[int]:
    return [
        each.pid
        for each in psutil.process_iter(["cmdline"])
        if str(room) in " ".join(each.info["cmdline"] or ())
    ]


async def all_ended(room: Path) -> None:
    """A killed server's children end by themselves, a moment after it."""
    async with asyncio.timeout(60):
        while servers(room):
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("sentence", ["of files are fetched", "file was compared", "of WAL are replayed"])
async def test_the_same_call_begins_anew(history: History, room: Path, sentence: str) -> None:
    child = await begun(history, room)
    assert child.stdout is not None
    while sentence.encode() not in (line := await child.stdout.readline()):
        assert line, "it ended before it could be killed"
    child.send_signal(signal.SIGKILL)
    await child.wait()
    assert not (room / "data").exists()
    choice = await choose(history.living.repository, Target("latest"))
    reached = await restore(choice, history.living.repository, room / "data")
    assert reached.backup == history.incremental.id
    assert gone(room, "data")
    await all_ended(room)


async def test_one_that_is_cancelled_leaves_nothing(history: History, room: Path) -> None:
    choice, told = await choose(history.living.repository, Target("latest")), asyncio.Event()

    def say(sentence: str) -> None:
        if "of WAL are replayed" in sentence:
            told.set()

    task = asyncio.create_task(restore(choice, history.living.repository, room / "data", say))
    await told.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert gone(room)
    await all_ended(room)
