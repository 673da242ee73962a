"""A disk that hangs is given up; a slow line is shared fairly."""

from __future__ import annotations

import errno
import threading

import pytest

from nexus.recovery.errors import PlaceError
from nexus.recovery.places.pace import FREE, Pace
from nexus.recovery.places.threads import Threads


async def test_a_disk_that_hangs_is_given_up_and_does_not_block_what_comes_later() -> None:
    threads, hangs = Threads("nfs", most=2, patience=0.2), threading.Event()
    for _ in range(2):
        with pytest.raises(PlaceError, match=r"nfs has not answered for 0 s"):
            await threads.run(hangs.wait)
    with pytest.raises(PlaceError, match="not answered"):  # both threads are still held
        await threads.run(lambda: 1)
    hangs.set()
    assert await Threads("nfs").run(lambda: 1) == 1
    while True:
        try:
            assert await threads.run(lambda: 2) == 2
            break
        except PlaceError:
            continue  # its threads are just ending


async def test_a_time_out_that_the_system_tells_is_not_taken_for_ours() -> None:
    def fail() -> None:
        raise OSError(errno.ETIMEDOUT, "timed out")

    with pytest.raises(TimeoutError):
        await Threads("nfs").run(fail)


def test_a_pace_lets_what_is_urgent_pass_and_counts_it() -> None:
    pace = Pace(1.0)
    assert pace.due(1000) == 0.0
    assert 900 < pace.due(1) <= 1000
    assert pace.urgent().due(1000) == 0.0
    assert 1900 < pace.due(1) <= 2001
    assert pace.least(250) == 250.0
    assert FREE.due(1 << 40) == FREE.least(1 << 40) == 0.0
