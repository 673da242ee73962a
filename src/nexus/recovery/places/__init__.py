"""Places for backups: a folder, SFTP, S3; and how files get from the first into the others."""

from nexus.recovery.places.forgetting import Forgotten, forget
from nexus.recovery.places.mirror import Mirror
from nexus.recovery.places.mirror_status import MirrorStatus
from nexus.recovery.places.opening import local_folder, open_place, open_places
from nexus.recovery.places.pace import FREE, Pace
from nexus.recovery.places.place import Entry, Place
from nexus.recovery.places.secrets import read_secret, write_secret

__all__ = [
    "FREE",
    "Entry",
    "Forgotten",
    "Mirror",
    "MirrorStatus",
    "Pace",
    "Place",
    "forget",
    "local_folder",
    "open_place",
    "open_places",
    "read_secret",
    "write_secret",
]
