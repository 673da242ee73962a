"""What became of a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nexus.stack import Probe, ProbeStep


@dataclass(frozen=True)
class StepOutcome:
    """One step. `began` is in seconds since the epoch; `status` 0 means that nothing was answered. `expected`
    and `got` say what is wrong ("" when nothing is).
    """

    step: ProbeStep
    path: str
    span_id: str
    request_id: str
    began: float
    seconds: float
    status: int
    expected: str = ""
    got: str = ""

    @property
    def good(self) -> bool:
        return not self.expected


@dataclass(frozen=True)
class Run:
    """One run: the steps that were done, in their order. `began` is in seconds since the epoch."""

    probe: Probe
    id: str
    trace_id: str
    span_id: str
    began: float
    seconds: float
    steps: Sequence[StepOutcome]

    @property
    def failed(self) -> StepOutcome | None:
        """The step that stopped it, or None when all went well."""
        return next((step for step in self.steps if not step.good), None)
