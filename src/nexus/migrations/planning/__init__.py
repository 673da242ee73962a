"""All modules' pending migrations as one ordered, judged plan.

order(histories)           what is pending, over all modules, each behind what it waits for
"""

from nexus.migrations.planning.order import order

__all__ = ["order"]
