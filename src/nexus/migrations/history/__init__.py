"""What is applied to a schema, as Prisma records it, and what the folder says beside it.

read_history(connection, source)                          the folder beside the record; reads only
table.ensure_table, START, FINISH, fail_row       the record, written by who applies
resolve.mark_applied, mark_rolled_back, baseline          the record, written by who decides
turn.turn(connection, patience)                           Prisma's lock around both
"""

from nexus.migrations.history.read import read_history
from nexus.migrations.history.state import History, Problem, Row

__all__ = ["History", "Problem", "Row", "read_history"]
