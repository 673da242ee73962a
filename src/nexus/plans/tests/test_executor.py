import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from nexus.plans import Journal, Outcome, Plan, PlanError, Step, StepEvent, StepStopped, execute


def step(id: str, *after: str, action: str = "do") -> Step:
    return Step(id, action, id, "because", f"does {id}", after=after)


class Stage:
    """Runs plans and remembers what happened."""

    def __init__(self, path: Path) -> None:
        self.journal = Journal(path / "journal.db")
        self.events: list[str] = []
        self.stop = asyncio.Event()

    async def run(self, plan: Plan, action: Callable[[Step], Awaitable[None]]) -> Outcome:
        def emit(event: StepEvent) -> None:
            self.events.append(f"{event.kind} {event.step.id} {event.number}/{event.total}")

        return await execute(plan, {"do": action}, self.journal, "ana", emit, self.stop)


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


async def test_steps_without_dependencies_run_at_the_same_time(stage: Stage) -> None:
    both = asyncio.Barrier(2)

    async def act(step: Step) -> None:
        await asyncio.wait_for(both.wait(), 5)

    outcome = await stage.run(Plan("up", (step("a"), step("b"))), act)
    assert outcome.sentence() == "done: 2 steps"
    assert outcome.exit_code == 0


async def test_a_step_starts_only_after_its_predecessors_have_ended(stage: Stage) -> None:
    async def act(step: Step) -> None:
        await asyncio.sleep(0)

    await stage.run(Plan("up", (step("c", "a", "b"), step("a"), step("b", "a"))), act)
    assert stage.events == [
        *("started a 1/3", "done a 1/3", "started b 2/3", "done b 2/3", "started c 3/3", "done c 3/3")
    ]
    (run,) = stage.journal.history()
    assert [(s.id, s.ok) for s in run.steps] == [("a", True), ("b", True), ("c", True)]
    assert (run.state, run.sentence, run.who) == ("done", "done: 3 steps", "ana")


async def test_after_a_failure_running_steps_end_and_no_other_starts(stage: Stage) -> None:
    failed = asyncio.Event()

    async def act(step: Step) -> None:
        if step.id == "bad":
            failed.set()
            raise RuntimeError("port 5005 is taken")
        await failed.wait()

    outcome = await stage.run(Plan("up", (step("good"), step("bad"), step("later", "good"))), act)
    assert outcome.state == "failed"
    assert outcome.sentence() == "failed at step 2 (do bad: port 5005 is taken): 1 step done stays"
    assert outcome.exit_code == 1
    assert "started later 3/3" not in stage.events
    (run,) = stage.journal.history()
    assert [(s.id, s.ok, s.error) for s in run.steps] == [
        ("good", True, None),
        ("bad", False, "port 5005 is taken"),
    ]


async def test_a_stop_lets_the_running_step_end_and_says_where_it_was_interrupted(stage: Stage) -> None:
    async def act(step: Step) -> None:
        stage.stop.set()

    outcome = await stage.run(Plan("up", (step("a"), step("b", "a"), step("c", "b"))), act)
    assert outcome.sentence() == "interrupted at step 2 of 3: 1 step done stays"
    assert outcome.exit_code == 130


async def test_a_stop_after_the_last_step_has_begun_is_no_interruption(stage: Stage) -> None:
    async def act(step: Step) -> None:
        stage.stop.set()

    assert (await stage.run(Plan("up", (step("a"),)), act)).state == "done"


async def test_a_cancelled_execution_cancels_its_steps_and_is_journaled_as_interrupted(stage: Stage) -> None:
    acting = asyncio.Event()

    async def act(step: Step) -> None:
        acting.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(stage.run(Plan("up", (step("a"), step("b", "a"))), act))
    await acting.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    (run,) = stage.journal.history()
    assert (run.state, run.sentence) == ("interrupted", "interrupted at step 1 of 2: nothing changed")
    assert [(s.id, s.ok, s.error) for s in run.steps] == [("a", False, "cancelled")]


async def test_steps_do_not_run_on_when_the_journal_cannot_be_written(stage: Stage) -> None:
    acting = asyncio.Event()
    ended = asyncio.Event()

    async def act(step: Step) -> None:
        if step.id == "b":
            await acting.wait()
            stage.journal.close()
            return
        acting.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    with pytest.raises(sqlite3.ProgrammingError, match="closed database"):
        await stage.run(Plan("up", (step("a"), step("b"))), act)
    assert ended.is_set()


async def test_nothing_to_do_is_said_and_not_journaled(stage: Stage) -> None:
    async def act(step: Step) -> None:
        raise AssertionError

    outcome = await stage.run(Plan("up"), act)
    assert (outcome.sentence(), outcome.exit_code) == ("nothing to do", 0)
    assert stage.journal.history() == ()


async def test_an_action_that_nobody_carries_out_is_refused_before_anything_begins(stage: Stage) -> None:
    async def act(step: Step) -> None:
        raise AssertionError

    with pytest.raises(PlanError, match="nothing can carry out fly"):
        await stage.run(Plan("up", (step("a"), step("b", action="fly"))), act)
    assert stage.events == []


async def test_what_may_stay_of_a_step_that_failed_is_never_called_nothing(stage: Stage) -> None:
    async def act(step: Step) -> None:
        raise OSError("line 2 failed")

    begun = Step("a", "do", "a", "because", "does a", in_parts=True)
    outcome = await stage.run(Plan("up", (begun,)), act)
    assert outcome.sentence() == (
        "failed at step 1 (do a: line 2 failed): no step is done, and of the one that was begun "
        "a part may stay"
    )


async def test_a_step_that_lets_go_is_interrupted_and_no_other_starts(stage: Stage) -> None:
    async def act(step: Step) -> None:
        raise StepStopped("nothing of it is left")

    outcome = await stage.run(Plan("up", (step("a"), step("b", "a"))), act)
    assert (outcome.state, outcome.exit_code) == ("interrupted", 130)
    assert outcome.sentence() == "interrupted at step 1 of 2: nothing changed"
    assert stage.events == ["started a 1/2", "failed a 1/2"]
    (run,) = stage.journal.history()
    assert [(each.id, each.ok, each.error) for each in run.steps] == [("a", False, "nothing of it is left")]
