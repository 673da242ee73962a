"""Schemas that a tool of the module's own brings up to date: Alembic, Django, trytond-admin.

state_of(connection, source)                  what is pending: the tool's run for the folder as it is now
run(dsn, source, settings, carry, …)          runs the tool once, with the owner's rights while it runs
as_owner(source, settings)                    the command that does so, for whoever carries it out
"""

from nexus.migrations.commands.digest import digest_of, name_of
from nexus.migrations.commands.running import Carry, Check, Ended, run
from nexus.migrations.commands.state import pending
from nexus.migrations.commands.wrapping import as_owner

__all__ = ["Carry", "Check", "Ended", "as_owner", "digest_of", "name_of", "pending", "run"]
