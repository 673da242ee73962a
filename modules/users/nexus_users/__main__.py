"""`python -m nexus_users`."""

from nexus_users.app import module

module.run()
