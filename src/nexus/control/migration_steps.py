"""What the steps `migrate` and `contract` have in common on every runtime."""

from __future__ import annotations

import time
from collections.abc import Iterable

from nexus.control.facts import InstanceFacts
from nexus.control.keeper import Tell as TellEvent
from nexus.control.migrating.telling import told_event
from nexus.migrations.applying.settings import Tell, Told
from nexus.plans import Step
from nexus.runtimes.protocol import StartError
from nexus.stack import Service

OFTEN = frozenset({"progress", "batch", "statement"})
EVERY = 1.0  # seconds between two events of what is told often
COMMAND_LIMIT = 6 * 3600.0  # seconds that a module's own tool may take


def names_of(step: Step) -> tuple[str, ...] | None:
    """The migrations that a step applies; None: whatever is pending."""
    names = step.arguments.get("names")
    return None if names is None else tuple(name for name in names.split(",") if name)


def telling(tell: TellEvent) -> Tell:
    """Passes on what happens inside a migration, progress not too often."""
    said: dict[str, float] = {}

    def told(what: Told) -> None:
        now = time.monotonic()
        if what.kind not in OFTEN or now - said.get(what.kind, -EVERY) >= EVERY:
            said[what.kind] = now
            tell(told_event(what))

    return told


def nothing_older(service: Service, instances: Iterable[InstanceFacts]) -> None:
    """Returns when all that runs of a service is the release that its contract migrations belong to.

    Raises:
        StartError: something else runs as well.
    """
    others = sorted({each.release for each in instances if each.alive} - {service.release, ""})
    if others:
        raise StartError(
            f"release {', '.join(others)} of {service.name} still runs, and cannot once this is applied; "
            f"`nexus restart {service.name}` ends it, then `nexus migrate apply`"
        )
