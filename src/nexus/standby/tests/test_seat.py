"""Who is the primary is decided once: of two that decide at the same time, one is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from nexus.standby.errors import SeatTaken
from nexus.standby.seat import Held, Seat

A, B, C = Path("/a"), Path("/b"), Path("/c")


def test_of_two_that_decide_at_once_one_wins(tmp_path: Path) -> None:
    one, two = Seat(tmp_path / "control.db"), Seat(tmp_path / "control.db")
    seen = one.held()
    assert seen == two.held() == Held()
    won = one.move(seen, A, B, "it is dead")
    with pytest.raises(SeatTaken, match="another decision"):
        two.move(seen, A, C, "it is dead, I think")
    assert two.held() == won


def test_a_loop_that_was_stopped_meanwhile_cannot_go_on(tmp_path: Path) -> None:
    stopped, other = Seat(tmp_path / "control.db"), Seat(tmp_path / "control.db")
    begun = stopped.move(stopped.held(), A, B, "first")
    stopped.check(begun.epoch, B)
    other.give_back(other.held(), "the first did not go on")
    with pytest.raises(SeatTaken, match="does not hold any more"):
        stopped.check(begun.epoch, B)
    with pytest.raises(SeatTaken):
        stopped.settle(begun)
    assert other.held().holder == str(A)


def test_a_decision_outlives_whoever_made_it(tmp_path: Path) -> None:
    seat = Seat(tmp_path / "control.db")
    begun = seat.move(seat.held(), A, B, "it is dead")
    seat.close()
    again = Seat(tmp_path / "control.db")
    assert (again.held().epoch, again.held().moving) == (1, str(B))
    assert again.settle(begun).holder == str(B)
    assert again.held().moving == ""
