"""Why a change of releases is refused. Nothing was changed; commands end with exit code 2."""

from __future__ import annotations


class ReleaseError(Exception):
    """A change of releases that is refused; the message says what, why and what can be done instead."""


class UnknownModule(ReleaseError):
    """What was asked for is not part of the stack that runs, or has no stable release yet."""


class ArtefactGone(ReleaseError):
    """A release cannot run any more: what it would run from is gone or was changed."""


class ContractBroken(ReleaseError):
    """A release would break one that runs beside it: it no longer provides what that one relies on."""


class Frozen(ReleaseError):
    """Releases of a service are not to change now."""


class NotReversible(ReleaseError):
    """A contract migration stands between two releases: the former cannot run on the schema after it."""


class MigrationWaits(ReleaseError):
    """A migration of a release cannot be applied yet: what must come first is not there."""


class NotUpgradable(ReleaseError):
    """Infrastructure that is not changed by a deploy."""


class NoWayBack(ReleaseError):
    """There is no earlier release to go back to."""
