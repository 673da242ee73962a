"""What is decided: pieces put together, where the stream goes on, whom commits wait for, how old what is."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

from nexus.recovery import layout, lsn
from nexus.recovery.layout import Chunk
from nexus.recovery.streaming.chunks import MANY, to_merge
from nexus.recovery.streaming.guards import slot_status, slot_trouble
from nexus.recovery.streaming.holdings import Holdings
from nexus.recovery.streaming.memory import Memory
from nexus.recovery.streaming.position import Diverged, Position, at, line_of, wanted
from nexus.recovery.streaming.received import PAGE, written
from nexus.recovery.streaming.reporting import end
from nexus.recovery.streaming.samples import MOST, Samples
from nexus.recovery.streaming.server import Facts, Sender, Slot, parse_history
from nexus.recovery.streaming.status import Gap, PlaceLag, SlotStatus, StreamStatus, Trouble, read_status
from nexus.recovery.streaming.synchrony import Synchrony
from nexus.recovery.streaming.told import Told
from nexus.runtimes.home import Home
from nexus.stack.recovering import RecoveryPolicy

SIZE = 100


@pytest.mark.parametrize("seed", range(5))
def test_chunks_of_any_sizes_stay_few_and_each_byte_is_sealed_few_times(seed: int) -> None:
    chance = random.Random(seed)
    chunks: list[Chunk] = []
    end = sealed = 0
    while end < 16 << 20:
        size = int(chance.choice([1, 8, 100, 4000, 100_000]) * chance.uniform(1, 3))
        chunks.append(Chunk("s", end, end + size))
        end, sealed = end + size, sealed + size
        if merged := to_merge(chunks):
            assert [each.start for each in merged[1:]] == [each.end for each in merged[:-1]]
            chunks = [*chunks[: -len(merged)], Chunk("s", merged[0].start, merged[-1].end)]
            sealed += merged[-1].end - merged[0].start
        assert len(chunks) <= MANY + 1
    assert sealed < 12 * end


@pytest.mark.parametrize(
    ("held", "forks", "found"),
    [
        ({}, {}, None),
        ({3: 450}, {1: 100, 2: 300}, Position(3, 400, 450)),  # the server's own timeline: goes on
        ({3: 500}, {1: 100, 2: 300}, Position(3, 500, 500)),  # at a segment's end: with the next one
        ({1: 80}, {1: 100, 2: 300}, Position(1, 0, 80)),  # left before the end of the first: follows
        ({1: 130}, {1: 110, 2: 300}, Position(2, 100, 110)),  # has more than the server kept of it
        ({1: 130, 2: 350}, {1: 110, 2: 300}, Position(3, 300, 300)),
        ({1: 100, 2: 900}, {1: 100}, Position(3, 100, 100)),  # 2 was given up: 3 left the first one
        ({7: 100}, {1: 100, 2: 300}, None),  # nothing that is in its line
    ],
)
def test_the_stream_goes_on_along_the_servers_line(
    held: dict[int, int], forks: dict[int, int], found: Position | None
) -> None:
    assert wanted(held, line_of(3, 600, forks), SIZE) == found


def test_a_server_behind_the_archive_is_refused() -> None:
    with pytest.raises(Diverged, match="only at 0/258"):
        wanted({3: 601}, line_of(3, 600, {1: 100}), SIZE)


def test_a_byte_is_on_the_timeline_that_was_then() -> None:
    line = line_of(3, 600, {1: 110, 2: 300})
    assert [at(place, line, SIZE).timeline for place in (0, 109, 110, 299, 300, 600)] == [1, 1, 2, 2, 3, 3]


def test_history_files_are_read() -> None:
    text = b'1\t0/3000000\tno recovery target specified\n\n2\t1/A0\tat restore point "x"\n# a comment\n'
    assert parse_history(text) == {1: 0x3000000, 2: 0x1000000A0}


def test_the_end_of_a_segment_is_found(tmp_path: Path) -> None:
    path, page = tmp_path / "segment", b"\x18\xd1" + b"x" * (PAGE - 2)
    for pages, rest in ((0, b""), (3, b""), (300, b"\x18\xd1ab\0\0c\0\0")):
        path.write_bytes((page * pages + rest).ljust(PAGE * 400, b"\0"))
        end = PAGE * pages + len(rest.rstrip(b"\0"))
        assert [written(path, start) for start in (0, PAGE, end) if start <= end] == [
            end for start in (0, PAGE, end) if start <= end
        ]


def test_ages_know_nothing_of_clocks_and_outlive_a_process() -> None:
    samples = Samples()
    for second in range(100):
        samples.add(1000.0 + second, second * 10)
    assert samples.missing(990, 1100.0) == 0.0
    assert samples.missing(900, 1100.0) == 10.0
    assert samples.missing(905, 1100.0) == 10.0  # what is after 900 may be that old
    assert samples.pace(50.0) == 10.0
    later = Samples()
    memory = Memory(None, 5000.0, tuple(samples.ages(1100.0)))
    later.recall(memory.since(5060.0), 7.0)  # a minute later, on another boot
    assert later.missing(900, 7.0) == 70.0
    samples.add(1101.0, 500)  # restored to an earlier place
    assert samples.missing(500, 1102.0) == 0.0


def test_samples_stay_few_and_keep_the_oldest() -> None:
    samples = Samples()
    for second in range(20_000):
        samples.add(float(second), second)
    assert len(samples.ages(0.0)) <= MOST
    assert samples.missing(0, 20_000.0) == 20_000.0


def facts(lsn: int, flushed: int | None, waits: bool = False, state: str = "streaming") -> Facts:
    """A server at `lsn`, with a receiver that has flushed so far (None: there is no receiver)."""
    sender = None if flushed is None else Sender(1, state, flushed, flushed, "async")
    names = 'FIRST 1 ("nexus_archive")' if waits else ""
    return Facts("s", 180000, SIZE, False, 0.0, names, 1, lsn, Slot(0, None, "reserved", None), sender)


def test_prefer_waits_while_the_archive_keeps_up_and_for_its_patience() -> None:
    policy, sync = RecoveryPolicy(places={}, synchronous="prefer", patience=10.0), Synchrony()
    steps = [
        (0.0, facts(100, None), None),
        (1.0, facts(110, 100), True),  # has what there was a second ago
        (2.0, facts(120, 110, waits=True), None),
        (3.0, facts(130, 110, waits=True), None),  # hangs
        (12.0, facts(130, 110, waits=True), None),
        (12.1, facts(130, 110, waits=True), False),
        (13.0, facts(130, 110), None),  # and still does: nobody waits again
        (14.0, facts(140, 130), True),
    ]
    for now, each, decided in steps:
        assert sync.decide(policy, each, now) is decided, now


def test_require_never_stops_waiting_and_off_never_waits() -> None:
    policy, sync = RecoveryPolicy(places={}, synchronous="require", patience=1.0), Synchrony()
    assert sync.decide(policy, facts(100, 100), 0.0) is None
    assert sync.decide(policy, facts(100, 100), 1.0) is True
    assert sync.decide(policy, facts(200, None, waits=True), 900.0) is None
    assert (
        sync.decide(policy.model_copy(update={"synchronous": "off"}), facts(1, 1, waits=True), 901.0) is False
    )
    assert sync.decide(policy.model_copy(update={"stream": False}), facts(1, 1, waits=True), 902.0) is False


def test_with_require_it_is_said_that_every_commit_waits() -> None:
    policy, sync = RecoveryPolicy(places={}, synchronous="require"), Synchrony()
    for now, flushed in ((0.0, 100), (4.0, 101), (8.0, 102)):  # behind, but it moves
        sync.decide(policy, facts(200, flushed, waits=True), now)
        assert sync.trouble(policy, now) is None
    sync.decide(policy, facts(200, None, waits=True), 13.0)
    assert "every commit of the business waits since" in (sync.trouble(policy, 13.0) or "")
    sync.decide(policy, facts(200, 200, waits=True), 14.0)
    assert sync.trouble(policy, 14.0) is None


def test_the_end_of_a_timeline_that_was_left_is_not_the_new_ones() -> None:
    held = Holdings.of([layout.segment(lsn.segment(1, SIZE << 20, 1 << 20))])
    now = replace(facts(0, None), timeline=2)
    forked = (SIZE << 20) + 4000
    assert end(held, now, line_of(2, forked + 800, {1: forked}), 1 << 20) == forked
    assert end(held, now, (), 1 << 20) is None  # nobody knows yet where it left
    assert end(held, replace(now, timeline=1), (), 1 << 20) == (SIZE + 1) << 20
    assert end(held, None, (), 1 << 20) == (SIZE + 1) << 20


def test_a_slot_on_its_way_to_its_limit_says_when() -> None:
    away = replace(facts(1000, None), slot=Slot(200, None, "extended", 6000))
    slot = slot_status(away, pace=10.0)
    assert slot == SlotStatus("extended", 800, 6000, 600.0)
    assert "in about 10 min" in (slot_trouble(slot) or "")
    assert slot_trouble(slot_status(facts(1000, 1000), pace=10.0)) is None


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    home = Home.at(tmp_path)
    assert read_status(home) is None
    (tmp_path / "recovery").mkdir()
    gap, trouble = Gap(1, "0/1", "0/2", "why", 1.0), Trouble("gap", "text", 2.0, left=3.0)
    status = StreamStatus(
        1.0, 2.0, 3, "streaming", places=(PlaceLag("second", "0/1", 1, 2.0),), slot=SlotStatus("reserved"),
        gap=gap, troubles=(trouble,),
    )  # fmt: skip
    status.write(tmp_path / "recovery/stream.json")
    assert read_status(home) == status  # nobody holds the lock: it is not alive
    Memory(gap, 5.0, ((1.0, 2),), {"second": 7}).write(tmp_path / "memory")
    assert Memory.read(tmp_path / "memory") == Memory(gap, 5.0, ((1.0, 2),), {"second": 7})
    (tmp_path / "memory").write_text('{"gap"')
    assert Memory.read(tmp_path / "memory") == Memory()


def test_what_is_told_survives_the_line() -> None:
    places = {"nas": {"kind": "directory", "path": "/mnt/nas"}}
    told = Told(Path("/stack"), Path("/url"), RecoveryPolicy.model_validate({"rpo": "2s", "places": places}))
    assert Told.from_line(told.to_line()) == told
