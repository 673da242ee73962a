"""What carries out the steps of a merge, and the plan that has them."""

from __future__ import annotations

from dataclasses import dataclass, field

import asyncpg

from nexus.business import Invariant, InvariantError, load_invariants
from nexus.control.addresses import Refused
from nexus.control.merging.requests import RowsRequest
from nexus.control.migrating.sources import server_of
from nexus.migrations.applying.restore_point import create_restore_point
from nexus.migrations.rehearsing.sentence import Say
from nexus.plans import Action, Plan, Step
from nexus.recovery.errors import RecoveryError
from nexus.recovery.merging.difference import Difference
from nexus.recovery.merging.judging import touching
from nexus.recovery.merging.merged import Merged
from nexus.recovery.merging.merging import Merge
from nexus.recovery.merging.plan import plan_merge
from nexus.recovery.merging.spool import Spool
from nexus.runtimes.protocol import StartError
from nexus.stack import Stack

CONNECT = 10.0


@dataclass
class Acting:
    """The hands of one merge. `url`: of the living database, for its superuser; `merged`: what it wrote."""

    stack: Stack
    asked: RowsRequest
    found: Difference
    spool: Spool
    url: str = field(repr=False)
    say: Say
    point: str = ""
    merged: Merged | None = None
    said: list[str] = field(default_factory=list)

    def actions(self) -> dict[str, Action]:
        """Action name → what carries it out."""
        return {"point": self.make_point, "merge": self.merge}

    async def make_point(self, step: Step) -> None:
        """A place in the WAL to go back to.

        Raises:
            StartError: the database does not answer.
        """
        try:
            connection = await asyncpg.connect(self.url, timeout=CONNECT)
            try:
                made = await create_restore_point(connection, self.found.module, "rows")
            finally:
                await connection.close(timeout=CONNECT)
        except (OSError, TimeoutError, asyncpg.PostgresError) as error:
            raise StartError(f"{step.target} does not answer: {error}") from error
        self.point = made.name or ""
        self.said.append(made.sentence)

    async def merge(self, step: Step) -> None:
        """The transaction.

        Raises:
            StartError: it was refused, and nothing was changed; or nobody knows, which it says.
        """
        invariants = invariants_of(self.stack, self.found)
        asked = self.asked
        merge = Merge(
            self.url,
            self.found,
            self.spool,
            invariants,
            override=bool(asked.override),
            bypass=bool(asked.bypass_triggers),
            say=self.say,
        )
        try:
            self.merged = await merge.run()
        except RecoveryError as error:
            raise StartError(str(error)) from error
        self.said += [f"{name} does not hold any more" for name in self.merged.broken]
        self.said += self.merged.unasked


def planned(stack: Stack, found: Difference) -> Plan:
    """The plan of a merge.

    Raises:
        Refused: an invariant's file is wrong.
    """
    hearers = tuple(each.name for each in stack.services if found.module in each.events.consumes)
    zone, checks = stack.recovery.schedule.zone, len(invariants_of(stack, found))
    return plan_merge(found, server_of(stack).name, zone, checks, hearers)


def invariants_of(stack: Stack, found: Difference) -> tuple[Invariant, ...]:
    """Those which read the schema that is written, whoever brings them. Raises Refused as `planned`."""
    try:
        return touching(load_invariants(stack).usable, found.schema)
    except InvariantError as error:
        raise Refused(str(error)) from error
