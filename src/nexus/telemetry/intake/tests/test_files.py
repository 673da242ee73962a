"""Lines come exactly once, whatever becomes of the file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from nexus.runtimes.process import marks
from nexus.runtimes.process.rotate import BLOCK, prune, rotate
from nexus.telemetry.intake.files import Files
from nexus.telemetry.parsing import LONGEST
from nexus.telemetry.targets import LogSource


class Till:
    """A service that appends numbered lines to its log."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.written: list[bytes] = []
        self._handle = open(path, "ab", buffering=0)  # noqa: SIM115

    def write(self, count: int, end: bytes = b"\n") -> None:
        first = len(self.written)
        lines = [b"line %08d %s" % (number, b"x" * 100) for number in range(first, first + count)]
        self.written += lines
        self._handle.write(b"\n".join(lines) + end)

    def finish(self) -> None:
        self._handle.write(b"\n")

    def reopen(self) -> None:
        self._handle.close()
        self._handle = open(self.path, "ab", buffering=0)  # noqa: SIM115

    def close(self) -> None:
        self._handle.close()


@pytest.fixture
def till(tmp_path: Path) -> Iterator[Till]:
    made = Till(tmp_path / "till.log")
    yield made
    made.close()


def source(path: Path, checkpoint: str = "", kind: str = "file") -> Files:
    return Files(LogSource("till", "till", kind, str(path), "plain"), checkpoint)  # type: ignore[arg-type]


def drain(files: Files, budget: int = 1 << 20) -> list[bytes]:
    found: list[bytes] = []
    while lines := files.take(budget):
        files.advance(len(lines))
        found += lines
    return found


def test_a_line_is_read_when_it_has_its_end(till: Till) -> None:
    files = source(till.path)
    till.write(3, end=b"")
    assert drain(files) == till.written[:2]
    till.finish()
    assert drain(files) == till.written[2:]


def test_a_line_longer_than_what_may_be_read_at_once_is_read(till: Till) -> None:
    long = b"x" * (LONGEST - 1)
    till.path.write_bytes(b"first\n" + long + b"\nlast\n")
    assert drain(source(till.path), 1 << 16) == [b"first", long, b"last"]


def test_lines_that_were_not_used_come_again(till: Till) -> None:
    files = source(till.path)
    till.write(5)
    assert files.take(1 << 20) == till.written
    files.advance(2)
    again = source(till.path, files.position())
    assert drain(again) == till.written[2:]
    assert drain(files) == till.written[2:]


def test_a_rotation_is_not_noticed_whenever_it_comes(till: Till) -> None:
    files = source(till.path)
    found: list[bytes] = []
    for _ in range(6):
        till.write(6_000)
        lines = files.take(300_000)
        files.advance(len(lines) - 1)
        found += lines[:-1]
        till.write(6_000)
        assert rotate(till.path, BLOCK // 2)
        till.write(10)
        found += drain(files)
    assert found == till.written


def test_a_rotation_while_nobody_reads_loses_nothing(till: Till) -> None:
    files = source(till.path)
    till.write(12_000)
    found = files.take(300_000)
    files.advance(len(found))
    checkpoint = files.position()
    files.close()
    till.write(12_000)
    assert rotate(till.path, BLOCK)
    till.write(10)
    later = source(till.path, checkpoint)
    found += drain(later, 70_000)
    assert found == till.written
    assert later.lost() == 0


def test_what_is_rotated_away_unread_is_counted_line_by_line(till: Till) -> None:
    files = source(till.path)
    till.write(100)
    found = drain(files)
    for _ in range(2):
        till.write(24_000)
        assert rotate(till.path, BLOCK)
    till.write(10)
    found += drain(files)
    whole = set(till.written)
    assert sum(line in whole for line in found) + files.lost() in (len(till.written), len(till.written) - 1)
    assert found[-10:] == till.written[-10:]


def test_rotation_waits_for_its_reader_until_the_log_has_twice_its_size(till: Till) -> None:
    files = source(till.path)
    till.write(12_000)
    assert len(files.take(1000))
    files.advance(1)
    files.kept(files.progress())
    limit = BLOCK
    assert rotate(till.path, limit), "nothing unread was moved before"
    till.write(9_000)
    assert not rotate(till.path, limit), "the first part has not been read"
    drain(files)
    files.kept(files.progress())
    assert rotate(till.path, limit)
    till.write(30_000)
    assert rotate(till.path, limit), "disks do not wait for ever"


def test_where_nothing_can_be_noted_a_rotation_waits_and_what_it_takes_is_counted(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(marks, "_note", lambda *_: False)
    monkeypatch.setattr(marks, "_numbers", lambda *_: ())
    files = source(till.path)
    till.write(12_000)
    found = files.take(100_000)
    files.advance(len(found))
    assert not rotate(till.path, BLOCK), "nobody can know what was read"
    found += drain(files)
    till.write(12_000)
    assert rotate(till.path, BLOCK)
    till.write(10)
    found += drain(files)
    assert files.lost() == 1, "how many it was is not known"
    assert (found[:12_000], found[-10:]) == (till.written[:12_000], till.written[-10:])


def test_a_rotation_that_was_killed_half_way_moves_nobody(till: Till) -> None:
    files = source(till.path)
    till.write(12_000)
    found = files.take(300_000)
    files.advance(len(found))
    assert rotate(till.path, BLOCK)
    with open(till.path, "rb") as log:  # killed after the cut, before it was noted
        done = marks.cut(log.fileno())
        marks.set_cut(log.fileno(), marks.Cut(done.base - BLOCK, done.lines, BLOCK))
        assert marks.cut(log.fileno()).base == done.base
    found += drain(files)
    assert found == till.written


def test_a_truncated_log_is_read_from_its_new_beginning(till: Till) -> None:
    files = source(till.path)
    till.write(50)
    assert drain(files) == till.written
    os.truncate(till.path, 0)
    till.write(20)
    assert drain(files) == till.written[50:]
    checkpoint = files.position()
    os.truncate(till.path, 0)
    till.write(200)
    assert drain(source(till.path, checkpoint)) == till.written[70:], (
        "also when it has grown past the old place"
    )


def test_a_deleted_log_is_read_to_its_end_and_the_new_one_from_its_beginning(till: Till) -> None:
    files = source(till.path)
    till.write(10)
    found = drain(files)
    till.write(10)
    till.path.unlink()
    till.write(10)
    found += drain(files)
    till.reopen()
    till.write(10)
    found += drain(files)
    assert found == till.written
    checkpoint = files.position()
    till.path.unlink()
    till.reopen()
    till.write(5)
    assert drain(source(till.path, checkpoint)) == till.written[-5:]


def test_a_renamed_log_is_found_again_and_read_to_its_end(till: Till) -> None:
    files = source(till.path)
    till.write(10)
    found = drain(files)
    checkpoint = files.position()
    files.close()
    till.write(10)
    till.path.rename(till.path.with_name("till.log.2026"))
    till.reopen()
    till.write(10)
    assert found + drain(source(till.path, checkpoint)) == till.written


def test_a_line_without_end_is_cut_and_the_next_one_is_whole(till: Till, tmp_path: Path) -> None:
    path = tmp_path / "long.log"
    path.write_bytes(b"before\n" + b"y" * (10 << 20) + b"\nafter\n")
    files = source(path)
    found = []
    while lines := files.take(1 << 20):
        files.advance(len(lines))
        found += lines
        files = source(path, files.position())  # as if killed here
    assert [line[:6] for line in found] == [b"before", b"yyyyyy", b"after"]
    assert len(found[1]) > LONGEST


def test_holes_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "hole.log"
    with open(path, "wb") as log:
        log.write(b"one\n")
        log.seek(8 << 20)
        log.write(b"two\n")
    assert [line.strip(b"\0") for line in drain(source(path)) if line.strip(b"\0")] == [b"one", b"two"]


def test_files_that_their_writer_rotates_are_read_in_turn(tmp_path: Path) -> None:
    pattern = tmp_path / "*.json"
    (tmp_path / "a.json").write_bytes(b"1\n2\n")
    files = source(pattern, kind="rotating")
    assert drain(files) == [b"1", b"2"]
    (tmp_path / "b.json").write_bytes(b"3\n")
    assert drain(files) == [b"3"]
    checkpoint = files.position()
    with open(tmp_path / "b.json", "ab") as log:
        log.write(b"4\n")
    assert drain(source(pattern, checkpoint, "rotating")) == [b"4"]


def test_only_the_newest_of_the_rotated_files_stay(tmp_path: Path) -> None:
    for age in range(6):
        path = tmp_path / f"{age}.json"
        path.write_bytes(b"x" * 100)
        os.utime(path, (1000 - age, 1000 - age))
    prune(tmp_path, files=4, limit=1000)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0.json", "1.json", "2.json", "3.json"]
    prune(tmp_path, files=4, limit=250)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0.json", "1.json"]
