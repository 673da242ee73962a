"""In which order a place gets what it lacks."""

from __future__ import annotations

import random

from nexus.recovery import layout
from nexus.recovery.places.backlog import LANES, Backlog
from nexus.recovery.places.place import Entry

ONE, TWO, THREE = (f"00000001000000000000000{number}" for number in (1, 2, 3))
FULL, LATER = "20261126T023000Z-full", "20261126T083000Z-incremental"
ORDER = [
    layout.REPOSITORY,
    layout.history(2),
    layout.segment(ONE),
    layout.segment(TWO),
    layout.chunk(THREE, 0, 0x20),
    layout.chunk(THREE, 0x20, 0x1000),
    layout.chunk(THREE, 0x1000, 0x2000),
    "artefacts/sha256",
    layout.part(FULL, 1),
    layout.part(FULL, 2),
    layout.files(FULL),
    layout.home(FULL, "secrets"),
    layout.manifest(FULL),
    layout.part(LATER, 1),
    layout.manifest(LATER),
    "reports/drill",
]


def entries(*keys: str, size: int = 1) -> list[Entry]:
    return [Entry(key, size, 0.0) for key in keys]


def test_wal_comes_first_and_a_manifest_after_all_of_its_backup() -> None:
    backlog, shuffled = Backlog(), entries(*ORDER)
    random.Random(8).shuffle(shuffled)
    assert backlog.seen(shuffled)
    assert [entry.key for entry in backlog.lacking()] == ORDER
    taken: list[str] = []
    for lane in LANES:
        while entry := backlog.next(lane):
            taken.append(entry.key)
            backlog.copied(entry)
    assert taken == ORDER
    assert not backlog.seen(shuffled)


def test_chunks_of_a_whole_segment_are_not_copied_and_not_kept() -> None:
    backlog = Backlog()
    chunk, whole = layout.chunk(ONE, 0, 9), layout.segment(ONE)
    backlog.listed(entries(chunk))
    backlog.seen(entries(layout.chunk(ONE, 9, 16)))
    backlog.seen(entries(whole))
    assert [entry.key for entry in backlog.lacking()] == [whole]
    assert backlog.superseded() == ()
    backlog.copied(*entries(whole))
    assert backlog.superseded() == (chunk,)
    assert not backlog.seen(entries(layout.chunk(ONE, 16, 32)))


def test_what_the_target_lost_comes_again_and_what_it_refused_is_tried_again() -> None:
    backlog = Backlog()
    backlog.listed(entries("reports/a", "reports/b"))
    assert not backlog.seen(entries("reports/a", "reports/b"))
    backlog.listed(entries("reports/b", size=2))
    assert backlog.seen(entries("reports/a", "reports/b"))
    backlog.refuse("reports/b", "other bytes")
    first = backlog.next("rest")
    assert first
    backlog.copied(first)
    assert backlog.next("rest") is None
    backlog.listed(entries("reports/a"))
    assert [backlog.next("rest")] == entries("reports/b")
