"""Schema changes: roles and schemas of services, and migrations in Prisma's folder format.

provision(schema, role, password)          SQL that makes a service's schema and roles (idempotent)
provision_checker(password)                SQL that makes nexus_check, the role that reads for invariants

What acts on a server is asked of its own file, since it brings the drivers and PostgreSQL's parser along:

folder.read_folder(folder)                 the migrations of a folder, sorted
apply.pending(dsn, schema, folder)         names of those that are not applied yet
apply.apply(dsn, schema, owner, folder)    applies them; names of the applied ones
bring.create_database, .bring, .bring_all  a server's database; schemas with their roles, up to date
bring.checker_lacks(url)                   whether nexus_check is to be made, or given something
"""

from nexus.migrations.errors import MigrationError
from nexus.migrations.migration import Migration, Source
from nexus.migrations.roles import CHECKER, owner_of, provision, provision_checker

__all__ = [
    "CHECKER",
    "Migration",
    "MigrationError",
    "Source",
    "owner_of",
    "provision",
    "provision_checker",
]
