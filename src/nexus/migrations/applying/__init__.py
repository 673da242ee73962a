"""Carrying migrations out: locks that nobody queues behind, statements that are never applied twice.

apply_pending(dsn, source, settings, tell, names)     what is pending of a module; names of what was applied
Settings, Throttle, Told, Tell, quiet                 how careful, and what is told meanwhile
"""

from nexus.migrations.applying.engine import apply_pending
from nexus.migrations.applying.settings import Settings, Tell, Throttle, Told, quiet

__all__ = ["Settings", "Tell", "Throttle", "Told", "apply_pending", "quiet"]
