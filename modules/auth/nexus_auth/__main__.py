"""`python -m nexus_auth`."""

from nexus_auth.app import module

module.run()
