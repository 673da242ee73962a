"""Lines of every format the stack's programs write → rows in one shape (`records.LOGS`), in bulk."""

from nexus.telemetry.parsing.parser import LONGEST, Parser

__all__ = ["LONGEST", "Parser"]
