"""`python -m nexus_inventory`: serve HTTP, handle events, run workers until SIGTERM."""

from .app import module

module.run()
