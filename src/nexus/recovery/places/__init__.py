"""Places for backups: a folder, SFTP, S3; and how files get from the first into the others."""

from nexus.recovery.places.pace import FREE, Pace
from nexus.recovery.places.place import Entry, Place

__all__ = ["FREE", "Entry", "Pace", "Place"]
