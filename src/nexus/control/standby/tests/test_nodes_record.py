"""What is remembered of a standby on another node."""

from __future__ import annotations

from nexus.control.standby.nodes.record import Kept, Left, Records
from nexus.control.standby.record import Ended
from nexus.render.containers.standby import Follower, Placed
from nexus.runtimes.containers.placing import placed_in
from nexus.runtimes.memory import Blank

FOLLOWER = Follower("n0de2", "node2", "db-2", 14300, "standby_password@2")
ENDED = Ended(1.0, "failover", 2, "node node3 is down", None, 0, True, 12.5)


def test_a_stack_that_never_had_one_is_placed_nowhere() -> None:
    memory = Blank()
    assert placed_in(memory) is None
    assert Records(memory).kept == Kept()


def test_it_is_read_as_it_was_written() -> None:
    memory = Blank()
    kept = Kept(
        Placed(2, "n0de3", "node3", "db-2", True, FOLLOWER),
        synchronous=True,
        waited_for=True,
        moving="node node3 is down",
        left=(Left("n0de3", "node3", "db"),),
        last=ENDED,
    )
    Records(memory).kept = kept
    assert Records(memory).kept == kept
    assert placed_in(memory) == kept.placed


def test_changing_one_thing_leaves_the_others() -> None:
    records = Records(Blank())
    records.note(synchronous=True)
    records.note(waited_for=True)
    assert records.kept == Kept(synchronous=True, waited_for=True)
