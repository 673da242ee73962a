"""What can go wrong with backups and restores; each message says what is wrong, where, and how to mend it.

RecoveryError              all of them
├── PlaceError             a place cannot be reached, read or written
│   ├── Missing            what is asked for is not there
│   ├── Conflict           other bytes are stored under that key already
│   └── Locked             what is stored may not be deleted yet
├── Damaged                what is stored is not what was written
├── WrongKey               it was sealed for somebody else
├── Unreachable            no backup and WAL lead to the target; says what is reachable
├── WrongVersion           it takes another PostgreSQL than there is here
├── NoRoom                 the disk is too small for what is asked
├── MergeRefused           rows cannot be brought back; nothing was changed
└── RecoveryFailed         a program or a server did not do what it was asked for
"""

from __future__ import annotations

from collections.abc import Mapping


class RecoveryError(Exception):
    """A backup or a restore did not happen; the message says why, and how to mend it."""


class PlaceError(RecoveryError):
    """A place for backups cannot be reached, read or written."""


class Missing(PlaceError):
    """What is asked for is not in the place."""


class Conflict(PlaceError):
    """Other bytes are stored under that key already; nothing is replaced."""


class Locked(PlaceError):
    """What is stored may not be deleted yet. `until`: by key, when it may (seconds since the epoch), None
    where nobody says.
    """

    def __init__(self, message: str, until: Mapping[str, float | None] | None = None) -> None:
        super().__init__(message)
        self.until: Mapping[str, float | None] = until or {}


class Damaged(RecoveryError):
    """What is stored is not what was written."""


class WrongKey(RecoveryError):
    """What is stored was sealed for somebody else."""


class Unreachable(RecoveryError):
    """No backup and no WAL lead to the target."""


class WrongVersion(RecoveryError):
    """What is stored belongs to another version of PostgreSQL, or of our format."""


class NoRoom(RecoveryError):
    """The disk is too small."""


class MergeRefused(RecoveryError):
    """Rows of an earlier time cannot be brought back; nothing was changed."""


class RecoveryFailed(RecoveryError):
    """A program or a server did not do what it was asked for."""
