# ruff: noqa: E501 - the expected messages stand whole, as the reader sees them
"""Freeze windows: how they are read, and which moments they hold."""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from nexus.stack import Freeze, ManifestError, load_stack
from nexus.stack.freezing import load_freezes

Write = Callable[..., Path]
STACK = "name: shop\nfreezes:\n  close:\n"
BRICK = "name: a\nruntime: python\nport: 9001\n"
SHIPPED = Path(__file__).resolve().parents[4] / "nexus.yaml"


def load(write: Write, body: str) -> Freeze:
    return load_stack(write(f"{STACK}    {body}\n", a=BRICK)).freezes["close"]


def moment(text: str, zone: str = "UTC") -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


def held(freeze: Freeze, at: float) -> str:
    """The window that holds a moment, as text."""
    window = freeze.window(at)
    return " to ".join(each.isoformat(timespec="minutes") for each in window) if window else ""


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("{modules: all, from: 2026-11-26T18:00}", "3: freezes.close: one of `until` and `for` tells when it ends; write one of them"),
        ("{modules: all, from: 2026-11-26, until: 2026-11-27, for: 1h}", "3: freezes.close: one of `until` and `for` tells when it ends; write one of them"),
        ("{modules: [b], from: 2026-11-26, for: 1h}", "4: freezes.close.modules.0: no service is named 'b'; known: a"),
        ("{modules: a, from: 2026-11-26, for: 1h}", "4: freezes.close.modules: 'a' is no list of services; write [a], or all"),
        ("{modules: [], from: 2026-11-26, for: 1h}", "4: freezes.close.modules: it names no service; write a list, or all"),
        ("{modules: all, from: soon, for: 1h}", "4: freezes.close.from: 'soon' is no local time; write it like 2026-11-26T18:00"),
        ("{modules: all, from: 2026-11-26T18:00:00-03:00, for: 1h}", "4: freezes.close.from: 2026-11-26T18:00:00-03:00 has an offset; write the local time and name the place in `zone`"),
        ("{modules: all, zone: Brasilia, from: 2026-11-26, for: 1h}", "4: freezes.close.zone: 'Brasilia' is no time zone; write one like America/Sao_Paulo or UTC"),
        ("{modules: all, from: 2026-11-26, until: 2026-11-25}", "3: freezes.close: until 2026-11-25T00:00:00 is not after `from`; write a later time"),
        ("{modules: all, from: 2026-11-26, for: 0}", "3: freezes.close: `for` is 0: it would freeze nothing; write how long it lasts"),
        ("{modules: all, from: 2026-11-26, for: 93d}", "3: freezes.close: it lasts longer than 92 days; write a shorter window"),
        ("{modules: all, from: 2026-11-26, for: 1h, repeat: FREQ=HOURLY}", "4: freezes.close.repeat: 'FREQ=HOURLY' is no recurrence rule of RFC 5545 that repeats daily at most; write it like FREQ=MONTHLY;BYMONTHDAY=-1"),
        ("{modules: all, from: 2026-11-26, for: 1h, repeat: FREQ=DAILY;INTERVAL=0}", "4: freezes.close.repeat: 'FREQ=DAILY;INTERVAL=0' is no recurrence rule of RFC 5545 that repeats daily at most; write it like FREQ=MONTHLY;BYMONTHDAY=-1"),
        ("{modules: all, from: 2026-11-26, for: 1h, repeat: FREQ=DAILY;BYDAY=XX}", "3: freezes.close: repeat 'FREQ=DAILY;BYDAY=XX' is no recurrence rule (invalid 'BYDAY': XX); mend it"),
        ("{modules: all, from: 2026-11-26, for: 1h, repeat: FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30}", "3: freezes.close: repeat 'FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30' names no day of the next ten years; mend the rule"),
        ("{modules: all, from: 2026-11-26, for: 1h, repeat: FREQ=MONTHLY;BYMONTHDAY=-1}", "3: freezes.close: `from` is no time that `repeat` names; write its first, 2026-11-30T00:00:00, as `from`"),
    ],
)  # fmt: skip
def test_a_wrong_freeze_is_told_with_its_line_and_how_to_mend_it(
    write: Write, body: str, expected: str
) -> None:
    with pytest.raises(ManifestError) as caught:
        load(write, body)
    assert str(caught.value).replace(f"{caught.value.faults[0].file}:", "") == expected


def test_a_window_holds_from_its_first_moment_until_before_its_last(write: Write) -> None:
    freeze = load(write, "{modules: all, zone: America/Sao_Paulo, from: 2026-11-26T18:00, until: 2026-11-30}")
    begin, end = moment("2026-11-26T21:00"), moment("2026-11-30T03:00")
    assert held(freeze, begin) == "2026-11-26T18:00-03:00 to 2026-11-30T00:00-03:00"
    assert held(freeze, end - 1)
    assert not held(freeze, end)
    assert not held(freeze, begin - 1)


def test_it_repeats_by_its_rule_and_never_before_its_first_time(write: Write) -> None:
    freeze = load(
        write, "{modules: [a], from: 2026-01-31T18:00, for: 36h, repeat: FREQ=MONTHLY;BYMONTHDAY=-1}"
    )
    assert held(freeze, moment("2026-03-01T05:59")) == "2026-02-28T18:00+00:00 to 2026-03-02T06:00+00:00"
    assert held(freeze, moment("2028-02-29T18:00")) == "2028-02-29T18:00+00:00 to 2028-03-02T06:00+00:00"
    assert not held(freeze, moment("2025-12-31T20:00"))
    assert not held(freeze, moment("2026-02-28T17:59"))
    assert freeze.next_start(moment("2026-02-28T18:00")) == datetime(2026, 3, 31, 18, tzinfo=UTC)


def test_a_rule_ends_with_its_until_in_utc_or_local_time(write: Write) -> None:
    for until in ("20260131T023000Z", "20260130T233000"):
        freeze = load(
            write,
            f"{{modules: all, zone: America/Sao_Paulo, from: 2026-01-29T23:00, for: 1h, repeat: FREQ=DAILY;UNTIL={until}}}",
        )
        assert held(freeze, moment("2026-01-30T23:30", "America/Sao_Paulo"))
        assert not held(freeze, moment("2026-01-31T23:30", "America/Sao_Paulo"))
        assert freeze.next_start(moment("2026-01-31T12:00")) is None


def test_a_rule_that_ends_with_a_day_holds_that_day_too(write: Write) -> None:
    body = "{modules: all, from: 2026-12-30T18:00, for: 1h, repeat: FREQ=DAILY;UNTIL=20261231}"
    freeze = load(write, body)
    assert held(freeze, moment("2026-12-31T18:30"))
    assert freeze.next_start(moment("2026-12-31T18:30")) is None


def test_hours_are_elapsed_time_and_until_is_the_clock_on_the_wall(write: Write) -> None:
    """New York, 8 March 2026: at 2:00 it is 3:00. 1 November: at 2:00 it is 1:00 once more."""
    every = "modules: all, zone: America/New_York, from: 2026-03-01T00:00, repeat: FREQ=WEEKLY;BYDAY=SU"
    elapsed = load(write, f"{{{every}, for: 6h}}")
    wall = load(write, f"{{{every}, until: 2026-03-01T06:00}}")
    spring, autumn = (
        moment("2026-03-08T00:30", "America/New_York"),
        moment("2026-11-01T00:30", "America/New_York"),
    )
    assert held(elapsed, spring) == "2026-03-08T00:00-05:00 to 2026-03-08T07:00-04:00"
    assert held(elapsed, autumn) == "2026-11-01T00:00-04:00 to 2026-11-01T05:00-05:00"
    assert held(wall, spring) == "2026-03-08T00:00-05:00 to 2026-03-08T06:00-04:00"
    assert held(wall, autumn) == "2026-11-01T00:00-04:00 to 2026-11-01T06:00-05:00"


def test_a_time_that_the_clocks_skip_begins_when_they_have_skipped_it(write: Write) -> None:
    freeze = load(write, "{modules: all, zone: America/New_York, from: 2026-03-08T02:30, for: 1h}")
    assert held(freeze, moment("2026-03-08T07:00")) == "2026-03-08T03:00-04:00 to 2026-03-08T04:00-04:00"
    assert not held(freeze, moment("2026-03-08T06:59"))
    assert freeze.next_start(moment("2026-03-08T06:59")) == datetime(2026, 3, 8, 7, tzinfo=UTC)


@pytest.mark.parametrize("until", ["2026-03-29T03:15", "2026-03-29T02:45"])
def test_a_window_that_the_clocks_skip_in_part_or_whole_does_not_vanish(write: Write, until: str) -> None:
    freeze = load(write, f"{{modules: all, zone: Europe/Berlin, from: 2026-03-29T02:30, until: {until}}}")
    assert held(freeze, moment("2026-03-29T01:00")).startswith("2026-03-29T03:00+02:00 to 2026-03-29T03:")
    assert held(freeze, moment("2026-03-29T01:14"))
    assert not held(freeze, moment("2026-03-29T00:59"))


def test_a_time_that_the_clocks_show_twice_is_the_first(write: Write) -> None:
    freeze = load(write, "{modules: all, zone: America/New_York, from: 2026-11-01T01:30, for: 1h}")
    assert held(freeze, moment("2026-11-01T05:30"))
    assert held(freeze, moment("2026-11-01T06:29"))
    assert not held(freeze, moment("2026-11-01T06:30"))


def test_the_examples_in_the_shipped_stack_load_when_they_are_taken(write: Write) -> None:
    text = SHIPPED.read_text(encoding="utf-8")
    told = re.search(r"^# freezes:\n(?:# .*\n)+", text, re.MULTILINE)
    assert told
    assert not re.search(r"^freezes:", text, re.MULTILINE), "a fresh ERP can be deployed on any day"
    bricks = {
        name: f"name: {name}\nruntime: python\nport: {9000 + n}\n"
        for n, name in enumerate(("financial", "sales", "inventory"))
    }
    freezes = load_stack(write("name: shop\n" + told[0].replace("# ", ""), **bricks)).freezes
    assert freezes["month-end-close"].covers("financial")
    assert not freezes["month-end-close"].covers("crm")
    assert held(freezes["black-friday"], moment("2026-11-27T12:00")).endswith("2026-11-30T08:00-03:00")


def test_a_freeze_that_was_asked_can_be_remembered(write: Write) -> None:
    freeze = load(write, "{modules: all, from: 2026-01-31, for: 1h, repeat: FREQ=MONTHLY;BYMONTHDAY=-1}")
    at = moment("2026-02-28T00:30")
    assert held(freeze, at) == held(pickle.loads(pickle.dumps(freeze)), at) != ""


def test_freezes_can_be_read_without_the_rest_of_the_stack(write: Write) -> None:
    root = write(f"{STACK}    {{modules: [a], from: 2026-01-31, for: 1h}}\nbricks: [nowhere]\n")
    assert load_freezes(root / "nexus.yaml", {"a"})["close"].covers("a")
    with pytest.raises(ManifestError, match=r"freezes\.close\.modules\.0: no service is named 'a'; known: b"):
        load_freezes(root / "nexus.yaml", {"b"})
    root = write(f"{STACK}    {{modules: [a], from: 2026-01-31}}\n")
    with pytest.raises(ManifestError, match=r"nexus\.yaml:3: freezes\.close: one of `until` and `for`"):
        load_freezes(root / "nexus.yaml", {"a"})
