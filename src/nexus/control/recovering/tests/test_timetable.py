"""Rules are due when the wall clock says so, once, on days that clocks are changed, too."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import rrulestr

from nexus.control.recovering.timetable import EPOCH, last, next_

PAULO, NEW_YORK = "America/Sao_Paulo", "America/New_York"
FOUR_A_DAY = "FREQ=DAILY;BYHOUR=2,8,14,20;BYMINUTE=30"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_the_latest_and_the_next_time_of_a_rule_stand_around_now() -> None:
    now = at("2026-11-26T12:00")  # 09:00 in São Paulo, a Thursday
    assert last(FOUR_A_DAY, PAULO, now) == at("2026-11-26T11:30")
    assert next_(FOUR_A_DAY, PAULO, now) == at("2026-11-26T17:30")
    sundays = "FREQ=WEEKLY;BYDAY=SU;BYHOUR=2;BYMINUTE=30"
    assert last(sundays, PAULO, now) == at("2026-11-22T05:30")
    assert next_(sundays, PAULO, now) == at("2026-11-29T05:30")


def test_a_time_is_due_at_its_very_second_and_not_again() -> None:
    due = at("2026-11-26T11:30")
    assert last(FOUR_A_DAY, PAULO, due) == due
    assert next_(FOUR_A_DAY, PAULO, due) == at("2026-11-26T17:30")


def test_a_time_that_clocks_skip_is_due_when_they_were_put_forward() -> None:
    nightly = "FREQ=DAILY;BYHOUR=2;BYMINUTE=30"
    before = at("2026-03-08T05:00")  # New York goes from 02:00 to 03:00 at 07:00 UTC
    assert next_(nightly, NEW_YORK, before) == at("2026-03-08T07:30")
    assert next_(nightly, NEW_YORK, at("2026-03-08T07:30")) == at("2026-03-09T06:30")


def test_a_time_that_clocks_show_twice_is_due_the_first_time_only() -> None:
    nightly = "FREQ=DAILY;BYHOUR=1;BYMINUTE=30"
    first = at("2026-11-01T05:30")  # New York shows 01:30 again an hour later
    assert next_(nightly, NEW_YORK, at("2026-11-01T04:00")) == first
    assert next_(nightly, NEW_YORK, first) == at("2026-11-02T06:30")
    assert last(nightly, NEW_YORK, at("2026-11-01T07:00")) == first


def test_a_rule_of_every_hour_is_due_every_hour_of_a_day_that_has_25() -> None:
    now, found = at("2026-11-01T03:59"), []
    for _ in range(5):
        due = next_("FREQ=HOURLY", NEW_YORK, now)
        assert due is not None
        found.append(due.hour)
        now = due
    assert found == [4, 5, 6, 7, 8]


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=WEEKLY;INTERVAL=3;BYDAY=MO,WE;BYHOUR=3",
        "FREQ=DAILY;INTERVAL=5;BYHOUR=1,13;BYMINUTE=15",
        "FREQ=HOURLY;INTERVAL=7",
        "FREQ=MONTHLY;BYDAY=-1SU;BYHOUR=4",
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=29",
    ],
)
def test_intervals_are_counted_from_the_epoch_however_long_ago_it_is(rule: str) -> None:
    now = datetime(2026, 7, 27, 10, 0)
    counted = rrulestr(rule, dtstart=EPOCH)
    before, after = counted.before(now, inc=True), counted.after(now)
    assert before is not None
    assert after is not None
    assert last(rule, "UTC", now.replace(tzinfo=UTC)) == before.replace(tzinfo=UTC)
    assert next_(rule, "UTC", now.replace(tzinfo=UTC)) == after.replace(tzinfo=UTC)


def test_the_wall_clock_is_that_of_the_zone() -> None:
    now = at("2026-07-01T00:00")
    found = next_("FREQ=DAILY;BYHOUR=6", "Asia/Tokyo", now)
    assert found is not None
    assert found.astimezone(ZoneInfo("Asia/Tokyo")).hour == 6
