"""Parked events that are handled anew, by several instances at once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

from nexus_kit.database import Database
from nexus_kit.events.event import Event, Handler
from nexus_kit.events.parking import retry_parked
from nexus_kit.testing import ModuleProcess
from nexus_kit.tx import Tx

ASK = """
INSERT INTO inbox (event_id, module, type, company_id, entity_id, state, error, payload)
VALUES ($1, 'source', 'told', $2, $1, 'retry', 'e',
        '{"occurred_at": "2031-05-01T12:00:00+00:00", "data": {}, "trace": null}')
"""


async def fails(tx: Tx, event: Event) -> None:
    raise ValueError("only\0 here")


async def works(tx: Tx, event: Event) -> None:
    await tx.execute("SELECT 1")


def told(function: object) -> dict[tuple[str, str], Handler]:
    return {("source", "told"): Handler(function, batch=False)}  # type: ignore[arg-type]


class Overtaken(Database):
    """An instance whose failures are followed at once by another instance's success."""

    @asynccontextmanager
    async def transaction(self, company_id: UUID) -> AsyncIterator[Tx]:
        try:
            async with super().transaction(company_id) as tx:
                yield tx
        except ValueError:
            other = Database(self._dsn, "echo")
            await other.open()
            await retry_parked(other, told(works))
            await other.close()
            raise


async def asked(stopped: ModuleProcess) -> UUID:
    event_id = uuid4()
    await stopped.admin.execute(ASK, event_id, stopped.company_id)
    return event_id


async def test_a_parked_event_that_another_instance_handles_after_a_failure_here_stays_handled(
    stopped: ModuleProcess,
) -> None:
    event_id = await asked(stopped)
    here = Overtaken(stopped.app_dsn, "echo")
    await here.open()
    await retry_parked(here, told(fails))
    await here.close()
    row = await stopped.admin.fetchrow("SELECT state, error FROM inbox WHERE event_id = $1", event_id)
    assert tuple(row) == ("done", None)


async def test_a_parked_event_that_fails_again_is_put_aside_again_whatever_its_error_says(
    stopped: ModuleProcess, database: Database
) -> None:
    event_id = await asked(stopped)
    await retry_parked(database, told(fails))
    row = await stopped.admin.fetchrow(
        "SELECT state, error, attempts FROM inbox WHERE event_id = $1", event_id
    )
    assert tuple(row) == ("failed", "ValueError: only here", 2)
