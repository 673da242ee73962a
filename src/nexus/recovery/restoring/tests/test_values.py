"""Pure parts: streams of files, timelines, moments, rates, names of restore points."""

from __future__ import annotations

import io
import tarfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from nexus.recovery.errors import Damaged
from nexus.recovery.restoring.migrations import matching
from nexus.recovery.restoring.moment import NoMoment, moment
from nexus.recovery.restoring.rates import Rates, note_rates, read_rates
from nexus.recovery.restoring.tar import Cursor, Folder, Piece, scan
from nexus.recovery.restoring.target import Reached
from nexus.recovery.restoring.timelines import ENDLESS, Leg, ancestors, follow, life
from nexus.recovery.restoring.unpack import write
from nexus.recovery.streaming.coverage import Span

NOW = datetime.fromisoformat("2026-11-26T15:00-03:00").timestamp()
MB = 1 << 20


def tar(**files: bytes) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as made:
        folder = tarfile.TarInfo("base")
        folder.type = tarfile.DIRTYPE
        made.addfile(folder)
        for name, data in files.items():
            entry = tarfile.TarInfo(f"base/{name}")
            entry.size = len(data)
            made.addfile(entry, io.BytesIO(data))
    return stream.getvalue()


@pytest.mark.parametrize("blocks", [1, 2, 3, 7, 100])
def test_a_stream_cut_anywhere_gives_the_same_files(tmp_path: Path, blocks: int) -> None:
    files = {"a": b"", "b": b"x" * 511, "c": bytes(range(256)) * 12, "d": b"y" * 512}
    stream, cursor = tar(**files), Cursor()
    parts = [stream[at : at + blocks * 512] for at in range(0, len(stream), blocks * 512)]
    found = []
    for part in parts:
        pieces, cursor = scan(memoryview(part), cursor)
        found.append(pieces)
    for pieces in found:
        for each in pieces:
            if isinstance(each, Folder):
                (tmp_path / each.name).mkdir()
    for part, pieces in reversed(list(zip(parts, found, strict=True))):  # in any order
        write(tmp_path, [each for each in pieces if isinstance(each, Piece)], memoryview(part), None)
    assert {path.name: path.read_bytes() for path in (tmp_path / "base").iterdir()} == files
    assert (cursor.ended, cursor.rest, cursor.number) == (True, 0, 5)


def test_a_stream_that_names_a_file_outside_or_a_link_is_damaged() -> None:
    for name, kind in (("../x", tarfile.REGTYPE), ("/x", tarfile.REGTYPE), ("x", tarfile.SYMTYPE)):
        entry = tarfile.TarInfo(name)
        entry.type = kind
        with pytest.raises(Damaged):
            scan(memoryview(entry.tobuf(tarfile.USTAR_FORMAT)), Cursor())
    with pytest.raises(Damaged, match="broken"):
        scan(memoryview(b"\1" * 512), Cursor())


def test_a_timelines_life_goes_over_those_before_it() -> None:
    history = b"1\t0/3000148\tno recovery target specified\n\n2\t0/5000000\tbefore 2026-11-26 14:30:00+00\n"
    before = ancestors(history)
    assert before == ((1, 0x3000148), (2, 0x5000000))
    assert life(3, {3: before}) == (
        Leg(1, 0, 0x3000148),
        Leg(2, 0x3000148, 0x5000000),
        Leg(3, 0x5000000, ENDLESS),
    )
    with pytest.raises(Damaged, match="cannot be understood"):
        ancestors(b"one\t0/3000148\n")


def test_wal_is_followed_as_far_as_it_has_no_hole() -> None:
    size = 16 * MB
    lived = life(2, {2: ((1, 50 * MB),)})
    whole = [Span(1, 16 * MB, 60 * MB), Span(2, 48 * MB, 90 * MB)]
    assert follow(lived, whole, 1, 20 * MB, size) == (Leg(1, 20 * MB, 50 * MB), Leg(2, 50 * MB, 90 * MB))
    # The older timeline's last bytes were lost with its machine; the newer one's segment holds them too.
    short = [Span(1, 16 * MB, 48 * MB), Span(2, 48 * MB, 90 * MB)]
    assert follow(lived, short, 1, 20 * MB, size) == (Leg(1, 20 * MB, 48 * MB), Leg(2, 48 * MB, 90 * MB))
    holed = [Span(1, 16 * MB, 40 * MB), Span(2, 48 * MB, 90 * MB)]
    assert follow(lived, holed, 1, 20 * MB, size) == (Leg(1, 20 * MB, 40 * MB),)
    assert follow(lived, whole, 2, 64 * MB, size) == (Leg(2, 64 * MB, 90 * MB),)
    assert follow(lived, holed, 1, 44 * MB, size) == ()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("2026-11-26 14:30", "2026-11-26T14:30-03:00"),
        ("2026-11-26T14:30Z", "2026-11-26T14:30+00:00"),
        ("2026-11-26", "2026-11-26T00:00-03:00"),
        ("yesterday 18:00", "2026-11-25T18:00-03:00"),
        ("ontem 18:00", "2026-11-25T18:00-03:00"),
        ("14:30", "2026-11-26T14:30-03:00"),
        ("15:01", "2026-11-25T15:01-03:00"),
        ("-15m", "2026-11-26T14:45-03:00"),
        ("1h30m", "2026-11-26T13:30-03:00"),
        ("2018-02-17T23:30-02:00", "2018-02-17T23:30-02:00"),
    ],
)
def test_moments_are_on_the_clock_of_the_zone(text: str, found: str) -> None:
    assert moment(text, NOW, "America/Sao_Paulo") == datetime.fromisoformat(found).timestamp()


@pytest.mark.parametrize(
    ("text", "zone", "said"),
    [
        (
            "2018-02-17 23:30",
            "America/Sao_Paulo",
            "write 2018-02-17T23:30:00-02:00 for the first, 2018-02-17T23",
        ),
        (
            "2018-11-04 00:30",
            "America/Sao_Paulo",
            "from 2018-11-03T23:59:59-03:00 to 2018-11-04T01:00:00-02:00",
        ),
        ("2026-03-08 02:30", "America/New_York", "does not exist in America/New_York"),
        ("2026-11-01 01:30", "America/New_York", "comes twice"),
        ("2026-11-26 15:01", "America/Sao_Paulo", "still to come"),
        ("25:00", "UTC", "is no moment"),
        ("", "UTC", "is no moment"),
        ("soon", "UTC", "is no moment"),
    ],
)
def test_what_is_no_single_moment_that_has_been_is_refused(text: str, zone: str, said: str) -> None:
    with pytest.raises(NoMoment) as told:
        moment(text, NOW, zone)
    assert said in str(told.value)
    assert str(told.value.sentence) == told.value.sentence.text.format(**told.value.sentence.values)


def test_every_quarter_of_an_hour_of_a_year_is_one_moment_two_or_none() -> None:
    here, year = ZoneInfo("America/New_York"), datetime(2026, 1, 1)
    twice = never = 0
    at = year.replace(tzinfo=UTC).timestamp()
    now = datetime(2027, 6, 1, tzinfo=UTC).timestamp()
    for quarter in range(365 * 96):
        local = datetime.fromtimestamp(at + quarter * 900, UTC).replace(tzinfo=None)
        try:
            found = moment(local.isoformat(" "), now, here.key)
            assert datetime.fromtimestamp(found, here).replace(tzinfo=None) == local
        except NoMoment as told:
            twice += "comes twice" in str(told)
            never += "does not exist" in str(told)
    assert (twice, never) == (4, 4)


def test_rates_are_those_of_the_restores_before(tmp_path: Path) -> None:
    file = tmp_path / "recovery" / "rates.json"
    assert not read_rates(file).measured
    reached = Reached("b", None, "0/0", 2, "", fetched=10, replayed=13, verified=2, bytes=10**9, wal=10**9)
    note_rates(file, reached)
    assert read_rates(file) == Rates(1e8, 5e8, 1e8, True)
    note_rates(file, replace(reached, fetched=5.0, bytes=2 * 10**9, verified=4, wal=1))
    assert read_rates(file) == Rates(2.5e8, 5e8, 1e8, True)


@pytest.mark.parametrize(
    ("point", "migration", "found"),
    [
        ("nexus-crm-20261101000100_customers-20261126T101500Z", "crm/20261101000100_customers", True),
        ("nexus-crm-20261101000100_customers-20261126T101500Z", "20261101000100_customers", True),
        ("nexus-crm-20261101000100_customers-20261126T101500Z", "customers", True),
        ("nexus-crm-20261101000100_customers-20261126T101500Z", "tomers", False),
        ("nexus-crm-20261101000100_customers-20261126T101500Z", "sales/20261101000100_customers", False),
        ("nexus-inventory-20261101000100_a_very_long-20261126T101500Z".ljust(63, "Z")[:63], "other", False),
        (
            "nexus-inventory-20261101000100_a_long_name_of-20261126T101500Z0",
            "20261101000100_a_long_name_of_it",
            True,
        ),
    ],
)
def test_a_migration_is_known_by_its_point(point: str, migration: str, found: bool) -> None:
    assert matching(point, migration) is found
