"""All modules' pending migrations as one ordered, judged plan.

order(histories)           what is pending, over all modules, each behind what it waits for
plan(facts, to)            what would be applied, with locks, times and risks, and what stands in the way
steps(plan)                the steps that the executor carries out
"""

from typing import TYPE_CHECKING, Any

from nexus.migrations.planning.order import order
from nexus.migrations.planning.plan import plan

if TYPE_CHECKING:
    from nexus.migrations.planning.stepping import steps

__all__ = ["order", "plan", "steps"]


def __getattr__(name: str) -> Any:
    """`steps` only when it is asked for: where migrations run in a container there is no executor."""
    if name != "steps":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from nexus.migrations.planning.stepping import steps

    globals()["steps"] = steps
    return steps
