"""What can go wrong with a standby.

StandbyError
  ├─ SeatTaken          somebody else decided meanwhile which server is the primary
  ├─ NotFenced          the old primary could not be stopped for certain, so nothing takes its place
  └─ Behind             the standby lacks what the primary has acknowledged
"""


class StandbyError(Exception):
    """Base of all errors of a standby; the message says what to do."""


class SeatTaken(StandbyError):
    """Somebody else decided meanwhile which server is the primary."""


class NotFenced(StandbyError):
    """The old primary could not be stopped for certain."""


class Behind(StandbyError):
    """The standby lacks what the primary has acknowledged."""
