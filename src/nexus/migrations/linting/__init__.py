"""What will hurt in a migration: squawk's rules, what the living database shows, what other modules read.

lint(files, living, readers)    the findings, each with the safe SQL; `text.text(found)` prints them
"""

from nexus.migrations.linting.findings import lint
from nexus.migrations.linting.squawk import SquawkError

__all__ = ["SquawkError", "lint"]
