"""Points of time as operators write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
import typer

from nexus.cli import times

SAO_PAULO = timezone(timedelta(hours=-3))
NOW = datetime(2026, 11, 25, 10, 30, tzinfo=SAO_PAULO)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("now", "2026-11-25T13:30:00+00:00"),
        ("90s", "2026-11-25T13:28:30+00:00"),
        ("1h", "2026-11-25T12:30:00+00:00"),
        ("1h30m", "2026-11-25T12:00:00+00:00"),
        ("2d", "2026-11-23T13:30:00+00:00"),
        ("today", "2026-11-25T03:00:00+00:00"),
        ("yesterday", "2026-11-24T03:00:00+00:00"),
        ("10:00", "2026-11-25T13:00:00+00:00"),
        ("22:15:30", "2026-11-25T01:15:30+00:00"),  # yesterday's: today's is still to come
        ("2026-11-20", "2026-11-20T03:00:00+00:00"),
        ("2026-11-20T10:00", "2026-11-20T13:00:00+00:00"),
        ("2026-11-20T10:00Z", "2026-11-20T10:00:00+00:00"),
    ],
)
def test_a_point_of_time_is_read_in_the_operators_zone(text: str, expected: str) -> None:
    assert times.moment(text, NOW).isoformat() == expected


@pytest.mark.parametrize(
    "text", ["", "soon", "1x", "h", "25:00", "10:61", "2026-13-01", "-1h", "1h ago", "99999999d"]
)
def test_what_is_no_point_of_time_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(times.BadTime, match="write it like"):
        times.moment(text, NOW)


def test_a_window_that_ends_before_it_begins_ends_the_command_with_2(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(typer.Exit) as ended:
        times.window("1h", "2h")
    assert ended.value.exit_code == 2
    assert "is not before" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0000123, "12 µs"),
        (0.0042, "4.2 ms"),
        (0.0123, "12 ms"),
        (0.9999, "1.00 s"),
        (59.999, "1 m 0 s"),
        (200, "3 m 20 s"),
        (7500, "2 h 5 m"),
        (273_600, "3 d 4 h"),
    ],
)
def test_an_amount_of_time_is_short(seconds: float, text: str) -> None:
    assert times.lasting(seconds) == text


def test_a_time_of_today_is_shown_without_its_date() -> None:
    now = datetime.now(UTC)
    assert times.local(now) == now.astimezone().strftime("%H:%M:%S")
    assert times.local(now - timedelta(days=2)) == (now - timedelta(days=2)).astimezone().strftime(
        "%d/%m %H:%M:%S"
    )
