"""A standby: a second PostgreSQL that follows the first, and takes its place without a second writer."""

from nexus.standby.errors import StandbyError

__all__ = ["StandbyError"]
