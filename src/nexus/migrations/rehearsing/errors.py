"""What can go wrong with a rehearsal itself; that a plan does badly is no error but a report."""

from __future__ import annotations

from nexus.migrations.errors import MigrationError


class RehearsalFailed(MigrationError):
    """No copy could be made, or it could not be used; nothing of the living stack was touched."""
