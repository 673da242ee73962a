"""A restore in place where the data lie in a volume of the engine: carried there, exchanged, taken back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from nexus.control.restoring.tests.till_stack import TillStack, till_stack

pytestmark = [pytest.mark.timeout(400), pytest.mark.docker, pytest.mark.stack]


@pytest.fixture
def till() -> Iterator[TillStack]:
    with till_stack(("--runtime", "compose")) as found:
        yield found


def test_the_volume_gets_the_restored_data_and_keeps_the_former(till: TillStack) -> None:
    till.sell(2)
    at = till.moment()
    till.sell(3)
    till.killed_at("carry", "restore", "--at", at, "--yes")
    ended = till.restore("--resume")
    assert ended["state"] == "done", ended
    assert till.amounts() == [1, 2]
    assert till.answers() == {"1"}
    assert ".before-" in ended["former"]

    undone = till.restore("--undo")
    assert undone["state"] == "done", undone
    assert till.amounts() == [1, 2, 3]
    assert till.answers() == {"1"}

    till.sell(4)
    till.archived()
    ended = till.restore("--latest")
    assert ended["state"] == "done", ended
    assert till.amounts() == [1, 2, 3, 4]
