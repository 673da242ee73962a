"""The module with everything that belongs to it."""

from nexus_users import bootstrap, health, mail, upkeep
from nexus_users.api import companies, invitations, people, roles
from nexus_users.chassis import module

__all__ = ["bootstrap", "health", "mail", "module", "upkeep"]

# People come last: their /{user_id} would take the other names for an id.
for part in (companies, roles, invitations, people):
    module.app.include_router(part.router)
