"""Plans: pure values of what will change; the executor that carries them out; the journal that remembers."""

from nexus.plans.executor import Action, Outcome, StepEvent, StepStopped, execute
from nexus.plans.journal import Journal, Run, StepRecord
from nexus.plans.lease import Lease, LeaseHeld, LeaseLost
from nexus.plans.plan import Plan, PlanError, Step

__all__ = [
    "Action",
    "Journal",
    "Lease",
    "LeaseHeld",
    "LeaseLost",
    "Outcome",
    "Plan",
    "PlanError",
    "Run",
    "Step",
    "StepEvent",
    "StepRecord",
    "StepStopped",
    "execute",
]
