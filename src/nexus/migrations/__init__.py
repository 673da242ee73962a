"""Schema changes: roles and schemas of services, and migrations in Prisma's folder format.

provision(schema, role, password)          SQL that makes a service's schema and roles (idempotent)
provision_checker(password)                SQL that makes nexus_check, the role that reads for invariants
read_folder(folder)                        the migrations of a folder, sorted
pending(dsn, schema, folder)               names of those that are not applied yet
apply(dsn, schema, owner, folder)          applies them; names of the applied ones
create_database, bring, bring_all          a server's database; schemas with their roles, up to date
checker_lacks(url)                         whether nexus_check is to be made, or given something
"""

from nexus.migrations.apply import apply, pending
from nexus.migrations.bring import bring, bring_all, checker_lacks, create_database
from nexus.migrations.errors import MigrationError
from nexus.migrations.folder import read_folder
from nexus.migrations.migration import Migration, Source
from nexus.migrations.roles import CHECKER, owner_of, provision, provision_checker

__all__ = [
    "CHECKER",
    "Migration",
    "MigrationError",
    "Source",
    "apply",
    "bring",
    "bring_all",
    "checker_lacks",
    "create_database",
    "owner_of",
    "pending",
    "provision",
    "provision_checker",
    "read_folder",
]
