"""Carries out a plan: in parallel along its dependencies, journaled, stoppable, truthful about the end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from nexus.plans.journal import Journal
from nexus.plans.plan import Plan, PlanError, Step

Action = Callable[[Step], Awaitable[None]]
State = Literal["done", "nothing to do", "failed", "interrupted"]


class StepStopped(Exception):
    """Raised by an action that let go of its step because the plan is to stop; it says what is left of it."""


@dataclass(frozen=True)
class StepEvent:
    """Progress of one step. `seconds` is how long it took (0 when it starts), `error` why it failed."""

    kind: Literal["started", "done", "failed"]
    step: Step
    number: int
    total: int
    seconds: float = 0.0
    error: str = ""


@dataclass(frozen=True)
class Outcome:
    """How a plan ended, as it is. `in_parts`: what a step did that did not end well may stay."""

    state: State
    total: int
    done: tuple[Step, ...] = ()
    failed: tuple[tuple[int, Step, str], ...] = ()
    at: int = 0
    in_parts: bool = False

    def sentence(self) -> str:
        """Return one truthful sentence."""
        if self.state == "nothing to do":
            return "nothing to do"
        if self.state == "done":
            return f"done: {_count(self.total)}"
        stay = f"{_count(len(self.done))} done {'stays' if len(self.done) == 1 else 'stay'}"
        if self.in_parts:
            stay = (
                f"{stay if self.done else 'no step is done'}, and of the one that was begun a part may stay"
            )
        elif not self.done:
            stay = "nothing changed"
        if self.state == "interrupted":
            return f"interrupted at step {self.at} of {self.total}: {stay}"
        causes = ", ".join(
            f"{number} ({step.action} {step.target}: {error})" for number, step, error in self.failed
        )
        steps = "step" if len(self.failed) == 1 else "steps"
        return f"failed at {steps} {causes}: {stay}"

    @property
    def exit_code(self) -> int:
        """0 done or nothing to do, 1 failed, 130 interrupted."""
        return {"done": 0, "nothing to do": 0, "failed": 1, "interrupted": 130}[self.state]


def _count(steps: int) -> str:
    return "1 step" if steps == 1 else f"{steps} steps"


async def execute(
    plan: Plan,
    actions: Mapping[str, Action],
    journal: Journal,
    who: str,
    emit: Callable[[StepEvent], None],
    stop: asyncio.Event,
) -> Outcome:
    """Run each step as soon as all steps it waits for have ended well.

    After a failure, or when `stop` is set, running steps end and no other is started; one that raises
    StepStopped is interrupted, and did not fail. When this call is
    cancelled, running steps are cancelled too and the journal says interrupted. They are also cancelled when
    the journal can no longer be written; its error is raised. Raises PlanError, before anything is begun,
    when a step's action is in nobody's hands.
    """
    orphans = sorted({step.action for step in plan.steps} - set(actions))
    if orphans:
        raise PlanError(f"{plan.title}: nothing can carry out {', '.join(orphans)}")
    if plan.empty:
        return Outcome("nothing to do", 0)
    return await _Execution(plan, actions, journal, journal.begin(plan, who), emit, stop).run()


@dataclass
class _Execution:
    plan: Plan
    actions: Mapping[str, Action]
    journal: Journal
    run_id: int
    emit: Callable[[StepEvent], None]
    stop: asyncio.Event
    running: dict[asyncio.Task[None], tuple[Step, float]] = field(default_factory=dict)
    done: dict[str, Step] = field(default_factory=dict)
    failed: list[tuple[int, Step, str]] = field(default_factory=list)
    cut: list[Step] = field(default_factory=list)

    async def run(self) -> Outcome:
        waiting = list(self.plan.steps)
        stopped = asyncio.create_task(self.stop.wait())
        try:
            while True:
                if not self.failed and not self.cut and not self.stop.is_set():
                    self._start_ready(waiting)
                if not self.running:
                    break
                watched: set[asyncio.Task[bool] | asyncio.Task[None]] = {*self.running}
                if not stopped.done():
                    watched.add(stopped)
                finished, _ = await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED)
                for task in [task for task in self.running if task in finished]:
                    self._end(task)
        except asyncio.CancelledError:
            await self._cancel_running()
            waiting += self.cut
            self._conclude(waiting, interrupted=True)
            raise
        finally:
            stopped.cancel()
            await self._stop_running()
        waiting += self.cut
        return self._conclude(waiting, interrupted=bool(waiting))

    def _start_ready(self, waiting: list[Step]) -> None:
        for step in [step for step in waiting if all(before in self.done for before in step.after)]:
            waiting.remove(step)
            number = self.plan.numbers[step.id]
            self.journal.step_started(self.run_id, step, number)
            self.emit(StepEvent("started", step, number, len(self.plan.steps)))
            task = asyncio.create_task(
                _run(self.actions[step.action], step), name=f"{step.action} {step.target}"
            )
            self.running[task] = (step, time.monotonic())

    def _end(self, task: asyncio.Task[None]) -> None:
        step, began = self.running.pop(task)
        number, total = self.plan.numbers[step.id], len(self.plan.steps)
        seconds = time.monotonic() - began
        error = _why_failed(task)
        self.journal.step_ended(self.run_id, step, not error, error or None)
        if error:
            if not task.cancelled() and isinstance(task.exception(), StepStopped):
                self.cut.append(step)
            else:
                self.failed.append((number, step, error))
            self.emit(StepEvent("failed", step, number, total, seconds, error))
        else:
            self.done[step.id] = step
            self.emit(StepEvent("done", step, number, total, seconds))

    async def _stop_running(self) -> None:
        for task in self.running:
            task.cancel()
        if self.running:
            await asyncio.wait(self.running)

    async def _cancel_running(self) -> None:
        """Cancel the running steps; note those that did not end."""
        await self._stop_running()
        for task, (step, _) in list(self.running.items()):
            if task.cancelled():
                del self.running[task]
                self.journal.step_ended(self.run_id, step, False, "cancelled")
                self.cut.append(step)
            else:
                self._end(task)

    def _conclude(self, waiting: list[Step], interrupted: bool) -> Outcome:
        total = len(self.plan.steps)
        at = min((self.plan.numbers[step.id] for step in waiting), default=total)
        state: State = "failed" if self.failed else "interrupted" if interrupted else "done"
        open_steps = [*self.cut, *(step for _, step, _ in self.failed)]
        in_parts = any(step.in_parts for step in open_steps)
        outcome = Outcome(state, total, tuple(self.done.values()), tuple(self.failed), at, in_parts)
        self.journal.finish(self.run_id, outcome.state, outcome.sentence())
        return outcome


async def _run(action: Action, step: Step) -> None:
    await action(step)


def _why_failed(task: asyncio.Task[None]) -> str:
    if task.cancelled():
        return "cancelled"
    error = task.exception()
    return "" if error is None else str(error) or type(error).__name__
