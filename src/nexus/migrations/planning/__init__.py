"""All modules' pending migrations as one ordered, judged plan.

order(histories)           what is pending, over all modules, each behind what it waits for
plan(facts, to, only)      what would be applied, with locks, times and risks, and what stands in the way
steps(plan)                the steps that the executor carries out
"""

from nexus.migrations.planning.order import order
from nexus.migrations.planning.plan import plan
from nexus.migrations.planning.steps import steps

__all__ = ["order", "plan", "steps"]
