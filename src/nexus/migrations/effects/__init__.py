"""What a statement does to a living database: its locks, whom they stop, what it rewrites or scans.

effects_of(statement, schema, living, made)    its effect on each relation that was there before its script
read_living(connection, schemas)               what of the database decides that
"""

from nexus.migrations.effects.effects import effects_of
from nexus.migrations.effects.living import read_living

__all__ = ["effects_of", "read_living"]
