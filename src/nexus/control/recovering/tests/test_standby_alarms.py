"""A standby that does not keep what it promises is told of."""

from __future__ import annotations

from typing import Any

import pytest

from nexus.control.recovering.standing import judge
from nexus.control.recovering.tests.recovery_facts import DAY, NOW, backup, facts

STREAM = {"slot": "reserved", "streams": True, "behind": 0}
WELL = {"synchronous": True, "waited_for": True, "stream": STREAM, "seen_s": 0.3}
STATE = {"moving": None, "standby": WELL, "former": None, "last": None}
FAILED_OVER = {"kind": "failover"}


def names(**more: Any) -> set[str]:
    """The alarms of a stack whose standby is in some state."""
    found = judge(facts([backup(NOW - DAY / 2)], standby={**STATE, **more})).alarms
    return {each.name for each in found if each.name.startswith("standby.")}


def test_one_that_is_well_is_not_told_of() -> None:
    assert names() == set()
    assert names(standby=None) == set()
    assert names(standby={**WELL, "stream": None, "seen_s": None}) == set()


@pytest.mark.parametrize(
    ("standby", "alarm"),
    [
        ({**WELL, "waited_for": False}, "standby.asynchronous"),
        ({**WELL, "stream": {**STREAM, "slot": "lost", "streams": False}}, "standby.slot"),
        ({**WELL, "stream": {**STREAM, "streams": False}}, "standby.lost"),
        ({**WELL, "seen_s": 60.0}, "standby.lost"),
        ({**WELL, "stream": {**STREAM, "behind": 20 << 20}}, "standby.behind"),
    ],
)
def test_what_is_wrong_with_it_has_a_name(standby: dict[str, Any], alarm: str) -> None:
    assert names(standby=standby) == {alarm}
    assert names(standby=standby, moving="/d/postgres@2") == set()


def test_after_a_takeover_there_is_none() -> None:
    assert names(standby=None, former="/d/postgres", last=FAILED_OVER) == {"standby.lost"}
