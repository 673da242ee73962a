"""What the steps `migrate` and `contract` have in common on every runtime."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping

from nexus.control import provision
from nexus.control.facts import InstanceFacts
from nexus.control.keeper import Keeper
from nexus.control.keeper import Tell as TellEvent
from nexus.control.migrating.telling import told_event
from nexus.migrations.applying.settings import Tell, Told
from nexus.migrations.commands import Carry
from nexus.plans import Action, Step
from nexus.runtimes.protocol import StartError
from nexus.stack import Service

OFTEN = frozenset({"progress", "batch", "statement"})
EVERY = 1.0  # seconds between two events of what is told often
COMMAND_LIMIT = 6 * 3600.0  # seconds that a module's own tool may take


class SchemaActions(ABC):
    """The actions on schemas: brought up to date before a release, and freed of what only older ones needed.

    Each can be carried out again after it was cut short anywhere. `tell` is told what happens.
    """

    def __init__(self, keeper: Keeper, tell: TellEvent) -> None:
        self._kept = keeper
        self._tell = tell

    def all(self) -> Mapping[str, Action]:
        """Action name -> what carries it out."""
        return {"migrate": self.migrate, "contract": self.contract}

    async def migrate(self, step: Step) -> None:
        """Creates role and schema, applies pending migrations, or those that the step names.

        Raises:
            StartError: one failed, or cannot get its locks.
        """
        assert self._kept.site is not None
        service = self._service(step)
        await provision.migrate(
            self._kept.site, service, self._carry(service), names_of(step), telling(self._tell)
        )

    async def contract(self, step: Step) -> None:
        """Applies what no older release survives.

        Raises:
            StartError: an older release runs; or as above.
        """
        service = self._service(step)
        nothing_older(service, await self._instances(service))
        await self.migrate(step)

    @abstractmethod
    def _service(self, step: Step) -> Service:
        """The step's target as the release has it that the step names; without a name, the stable one."""

    @abstractmethod
    def _carry(self, service: Service) -> Carry:
        """What runs a command of a release as a task of it."""

    @abstractmethod
    async def _instances(self, service: Service) -> Iterable[InstanceFacts]:
        """The instances of a service as they are now."""


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
