"""A plan: a pure value that says what will change, why, in which order, and how it is undone.

PlanError              a plan that cannot be: an id used twice, an unknown predecessor, a circle
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any


class PlanError(ValueError):
    """A plan that contradicts itself, or that nothing can carry out."""


@dataclass(frozen=True)
class Step:
    """One operation. `action` names who carries it out, `target` what it acts on.

    `cause` says why it is planned, `does` what it will do, `undo` how it is taken back ("" = not needed),
    `after` the ids of the steps that must have ended well before, `arguments` what the action needs to know
    besides its target. `in_parts`: what it did before it failed may stay.
    """

    id: str
    action: str
    target: str
    cause: str
    does: str
    undo: str = ""
    after: tuple[str, ...] = ()
    arguments: Mapping[str, str] = field(default_factory=dict)
    in_parts: bool = False


@dataclass(frozen=True)
class Plan:
    """Numbered steps in an order that respects their dependencies. Raises PlanError when there is none."""

    title: str
    steps: tuple[Step, ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "steps", _ordered(self.title, self.steps))

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do."""
        return not self.steps

    @cached_property
    def numbers(self) -> dict[str, int]:
        """The number (from 1) of each step, by its id."""
        return {step.id: number for number, step in enumerate(self.steps, 1)}

    def text(self) -> str:
        """Return the plan as numbered operations with cause, predecessors and undo, one step a paragraph."""
        lines = [f"{self.title}: {self._size()}"]
        lines += [f"  note: {note}" for note in self.notes]
        width = len(str(len(self.steps)))
        for number, step in enumerate(self.steps, 1):
            lines.append(f"  {number:>{width}}. {step.action} {step.target}: {step.does}")
            details = [f"because {step.cause}"]
            if step.after:
                details.append(
                    "after " + ", ".join(str(n) for n in sorted(self.numbers[i] for i in step.after))
                )
            if step.undo:
                details.append(f"undo: {step.undo}")
            lines.append(f"  {'':>{width}}  {'; '.join(details)}")
        return "\n".join(lines)

    def json(self) -> str:
        """Return the plan as one JSON object."""
        return json.dumps(self.as_dict(), ensure_ascii=False)

    def as_dict(self) -> dict[str, Any]:
        """Return the plan as plain data, with each step's number."""
        steps = [{"number": self.numbers[step.id], **asdict(step)} for step in self.steps]
        return {"title": self.title, "steps": steps, "notes": list(self.notes)}

    def _size(self) -> str:
        count = len(self.steps)
        return "nothing to do" if not count else "1 step" if count == 1 else f"{count} steps"


def _ordered(title: str, steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """Sort steps so that each stands behind its predecessors, otherwise as given."""
    by_id: dict[str, Step] = {}
    for step in steps:
        if step.id in by_id:
            raise PlanError(f"{title}: two steps have the id {step.id!r}; give each its own")
        by_id[step.id] = step
    for step in steps:
        for before in step.after:
            if before not in by_id:
                raise PlanError(f"{title}: step {step.id!r} waits for {before!r}, which is not in the plan")
    placed: dict[str, Step] = {}
    waiting = list(steps)
    while waiting:
        ready = [step for step in waiting if all(before in placed for before in step.after)]
        if not ready:
            names = ", ".join(step.id for step in waiting)
            raise PlanError(f"{title}: these steps wait for each other in a circle: {names}")
        placed[ready[0].id] = ready[0]
        waiting.remove(ready[0])
    return tuple(placed.values())
