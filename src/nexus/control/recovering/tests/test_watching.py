"""An alarm is said when it has lasted, not at every look, and its end is said too."""

import logging
from typing import Any

import pytest

from nexus.control.recovering.alarms import Alarm
from nexus.control.recovering.watching import Watch
from nexus.migrations.rehearsing.sentence import Sentence

ALARM = Alarm("recovery.rpo", "error", Sentence("a disaster would cost {loss}", loss="9 min"))


def test_an_alarm_is_said_once_it_lasts_hourly_and_at_its_end(caplog: pytest.LogCaptureFixture) -> None:
    told: list[dict[str, Any]] = []
    watch = Watch(told.append)
    caplog.set_level(logging.INFO, "nexus.control")
    for now in (0.0, 30.0, 60.0, 70.0, 3000.0, 3660.0):
        watch.judged([ALARM], now)
    assert [record.getMessage() for record in caplog.records] == [
        "recovery.rpo: a disaster would cost 9 min",
        "recovery.rpo: a disaster would cost 9 min",
    ]
    assert {record.levelname for record in caplog.records} == {"ERROR"}
    watch.judged([], 3700.0)
    assert caplog.records[-1].getMessage() == "recovery.rpo is over"
    assert [each["state"] for each in told] == ["begun", "over"]


def test_a_second_place_that_fails_is_said_too_and_each_one_is_over_by_itself(
    caplog: pytest.LogCaptureFixture,
) -> None:
    first, second = (
        Alarm("recovery.place", "error", Sentence("{place}: away", place=name), about=name)
        for name in ("far", "safe")
    )
    told: list[dict[str, Any]] = []
    watch = Watch(told.append)
    caplog.set_level(logging.INFO, "nexus.control")
    watch.judged([first], 0.0)
    watch.judged([first, second], 60.0)
    watch.judged([first, second], 120.0)
    watch.judged([second], 130.0)
    assert [record.getMessage() for record in caplog.records] == [
        "recovery.place: far: away",
        "recovery.place: safe: away",
        "recovery.place is over: far",
    ]
    assert [(each["state"], each["about"]) for each in told] == [
        ("begun", "far"),
        ("begun", "safe"),
        ("over", "far"),
    ]


def test_what_passes_within_a_minute_is_not_said(caplog: pytest.LogCaptureFixture) -> None:
    watch = Watch(lambda event: None)
    watch.judged([ALARM], 0.0)
    watch.judged([], 30.0)
    watch.judged([ALARM], 40.0)
    watch.judged([ALARM], 90.0)
    assert caplog.records == []
