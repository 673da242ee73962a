"""One run of a synthetic probe: its requests, its variables, and what is kept of it."""

from nexus.business.probing.outcome import Run, StepOutcome
from nexus.business.probing.running import run_probe

__all__ = ["Run", "StepOutcome", "run_probe"]
