"""What can go wrong with a migration; each message says what is wrong, where, and how to mend it.

MigrationError             all of them
├── MigrationUnreadable    a file or folder cannot be read: encoding, psql commands, its declarations
├── HistoryBroken          what is recorded and what the folder holds do not go together
├── MigrationFailed        PostgreSQL refused a statement
├── MigrationBlocked       others hold locks that it needs, and it would make writers wait
│   └── MigrationStopped   an operator asked to stop while it kept out of others' way
└── PlanRefused            what was asked for would not be safe, or cannot be ordered
"""

from __future__ import annotations


class MigrationError(Exception):
    """A migration cannot be read or applied; the message names it and says how to mend it.

    `code`: the code that Prisma has for it, such as P3009 ("" = Prisma has none).
    """

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class MigrationUnreadable(MigrationError):
    """A migration's file or folder cannot be read."""


class HistoryBroken(MigrationError):
    """What is recorded in the database and what the folder holds do not go together."""


class MigrationFailed(MigrationError):
    """PostgreSQL refused a statement; what it left behind is said."""


class MigrationBlocked(MigrationError):
    """Others hold what the migration needs; nothing of it is left, and nobody waits for it."""


class MigrationStopped(MigrationBlocked):
    """It was asked to stop while it kept out of others' way; what is left of it is said."""


class PlanRefused(MigrationError):
    """What was asked for is not safe, or cannot be ordered."""
