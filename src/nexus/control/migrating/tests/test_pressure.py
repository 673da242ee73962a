"""How much users wait, from what telemetry tells of the last seconds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nexus.control.migrating.pressure import promised, share
from nexus.stack import load_stack

CHECKOUT = Path(__file__).resolve().parents[5]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (None, 0.0),  # telemetry does not answer
        ({"rows": []}, 0.0),
        ({"rows": [[5, 5000.0]]}, 0.0),  # five requests tell nothing
        ({"rows": [[100, None]]}, 0.0),
        ({"rows": [[100, 200.0]]}, 0.25),
        ({"rows": [[100, 800.0]]}, 1.0),
        ({"rows": [[100, 9000.0]]}, 1.0),
    ],
)
def test_slower_than_promised_is_full_pressure(answer: dict[str, Any] | None, expected: float) -> None:
    assert share(answer, within=0.8) == expected


def test_the_strictest_promise_of_the_stack_counts() -> None:
    assert promised(load_stack(CHECKOUT)) == (0.95, 0.8)
