"""Lines of containers come exactly once, wherever we left off and whatever their clock does."""

from __future__ import annotations

import asyncio
import struct
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nexus.telemetry.intake.anchor import Anchor, Resuming
from nexus.telemetry.intake.containers import Container
from nexus.telemetry.intake.frames import Frames, Line
from nexus.telemetry.parsing import LONGEST
from nexus.telemetry.targets import LogSource

Written = tuple[int, int, bytes]  # second, stream, text of a frame


def stamp(second: int) -> str:
    return f"2026-11-25T21:{second // 60:02d}:{second % 60:02d}.000000000Z"


def sent(frames: list[Written], since: str) -> bytes:
    """What an engine sends: all from the first frame on that is late enough."""
    late = next((i for i, (second, *_) in enumerate(frames) if since <= stamp(second)), len(frames))
    payloads = [(stream, stamp(second).encode() + b" " + text) for second, stream, text in frames[late:]]
    return b"".join(struct.pack(">BxxxL", stream, len(each)) + each for stream, each in payloads)


frame = st.tuples(
    st.integers(0, 20), st.sampled_from([1, 2]), st.sampled_from([b"a\n", b"b\n", b"part ", b"end\n"])
)


@given(st.lists(frame, max_size=30), st.lists(st.integers(1, 6), min_size=1, max_size=20))
def test_lines_are_read_once_wherever_we_left_off_and_however_the_clock_jumps(
    frames: list[Written], steps: list[int]
) -> None:
    expected = [line.text for line in Frames(True).feed(sent(frames, ""))]
    anchor, found = Anchor(), list[bytes]()
    for step in [*steps, len(frames) + 1]:
        anchor = Anchor.from_text(anchor.to_text())
        resuming = Resuming(anchor)
        new = [line for line in Frames(True).feed(sent(frames, anchor.stamp)) if resuming.new(line)]
        for line in new[:step]:
            anchor = anchor.after(line)
            found.append(line.text)
    assert found == expected


def test_what_the_engine_no_longer_has_is_told() -> None:
    resuming = Resuming(Anchor(stamp(5), 3, stamp(5)))
    new = [resuming.new(line) for line in Frames(True).feed(sent([(7, 1, b"a\n"), (8, 1, b"b\n")], ""))]
    assert (new, resuming.lost) == ([True, True], 1)


def test_frames_come_in_any_pieces_and_long_lines_are_bounded() -> None:
    whole = sent([(1, 1, b"x" * 16384)] * 640 + [(1, 1, b"end\n"), (2, 2, b"next\n")], "")
    frames, found = Frames(True), list[Line]()
    for place in range(0, len(whole), 100_003):
        found += frames.feed(whole[place : place + 100_003])
    assert [len(line.text) for line in found] == [LONGEST + 1, 4]
    assert [line.text for line in Frames(False).feed(f"{stamp(1)} shown\r\n".encode())] == [b"shown"]


def test_a_line_of_a_terminal_that_never_ends_is_bounded() -> None:
    frames, piece = Frames(False), b"x" * 65_536
    assert list(frames.feed(stamp(1).encode() + b" ")) == []
    tracemalloc.start()
    for _ in range(160):
        assert list(frames.feed(piece)) == []
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert used < 2 * LONGEST
    found = list(frames.feed(b"\n" + stamp(2).encode() + b" next\n"))
    assert [len(line.text) for line in found] == [LONGEST + 1, 4]


async def test_lines_that_come_while_others_are_taken_are_counted_right() -> None:
    lines = Container(LogSource("c", "till", "container", "c", "plain"))
    resuming, frames, count = Resuming(Anchor()), Frames(True), 60_000
    chunk = sent([(1, 1, b"line\n")] * 200, "")

    def take() -> int:
        used = 0
        while used < count:
            taken = lines.take(1 << 20)
            lines.advance(len(taken))
            used += len(taken)
        return used

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        taking = asyncio.create_task(asyncio.to_thread(take))
        for _ in range(count // 200):
            lines._add(frames.feed(chunk), resuming)
            await asyncio.sleep(0)
        assert await asyncio.wait_for(taking, 20) == count
    finally:
        sys.setswitchinterval(before)
    assert (lines.behind(), lines.lost()) == (0, 0)


SCRIPT = r"""
i=0; while [ $i -lt 400 ]; do echo "out $i"; echo "err $i" >&2; i=$((i+1)); done
head -c 40000 /dev/zero | tr '\0' x; echo; echo last; sleep 60
"""


@pytest.fixture
def container() -> Iterator[str]:
    command = ["docker", "run", "--detach", "debian:bookworm-slim", "sh", "-c", SCRIPT]
    started = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    yield started
    subprocess.run(["docker", "rm", "--force", started], capture_output=True, check=True)


@pytest.mark.docker
async def test_a_container_is_read_once_by_collectors_that_are_killed(container: str) -> None:
    told = LogSource("c", "till", "container", container, "plain")
    checkpoint, found = "", list[bytes]()
    give_up = time.monotonic() + 20
    while b"last" not in found and time.monotonic() < give_up:
        lines = Container(told, checkpoint)
        following = asyncio.create_task(lines.follow())
        while not lines.behind() and time.monotonic() < give_up:
            await asyncio.sleep(0.02)
        taken = lines.take(2000)
        lines.advance(len(taken))
        found += taken
        checkpoint = lines.position()
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
    assert [line for line in found if line.startswith(b"out")] == [b"out %d" % i for i in range(400)]
    assert [line for line in found if line.startswith(b"err")] == [b"err %d" % i for i in range(400)]
    assert [len(line) for line in found[-2:]] == [40_000, 4]
