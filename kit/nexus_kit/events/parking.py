"""Events that could not be handled: kept in the inbox with their error, handled anew when someone asks for
it.

``UPDATE inbox SET state = 'retry' WHERE event_id = ...`` asks for it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from nexus_kit.database import Database, is_transient
from nexus_kit.events.event import Event, Handlers
from nexus_kit.events.schedule import Item
from nexus_kit.events.unit import call_handler
from nexus_kit.logs import log
from nexus_kit.tx import Tx

_PARK = """
INSERT INTO inbox (event_id, module, type, company_id, entity_id, state, attempts, error, payload)
VALUES ($1, $2, $3, $4, $5, 'failed', $6, $7, $8) ON CONFLICT (event_id) DO NOTHING
"""
_ASKED = "SELECT event_id, company_id FROM inbox WHERE state = 'retry' ORDER BY received_at LIMIT 50"
_TAKE = """
SELECT event_id, module, type, company_id, entity_id, payload FROM inbox
WHERE event_id = $1 AND state = 'retry' FOR UPDATE SKIP LOCKED
"""
_DONE = """
UPDATE inbox SET state = 'done', error = NULL, payload = NULL, attempts = attempts + 1 WHERE event_id = $1
"""
_FAILED = """
UPDATE inbox SET state = 'failed', error = $2, attempts = attempts + 1 WHERE event_id = $1 AND state = 'retry'
"""


async def park(database: Database, item: Item) -> None:
    """Put the event aside: inbox.state = 'failed' with its error and payload."""
    event = item.event
    async with database.transaction(event.company_id) as tx:
        await tx.execute(
            _PARK,
            event.id,
            event.module,
            event.type,
            event.company_id,
            event.entity_id,
            item.failures + item.waits,
            item.error.replace("\0", "")[:2000],
            event.payload(),
        )


async def parked(tx: Tx) -> int:
    """Count the events put aside, of all companies."""
    count: int = await tx.fetchval("SELECT count(*) FROM inbox WHERE state <> 'done'")
    return count


async def retry_parked(database: Database, handlers: Handlers) -> None:
    """Handle the parked events somebody asked to have handled anew."""
    async with database.system(read_only=True) as tx:
        asked = await tx.fetch(_ASKED)
    for row in asked:
        await _retry_one(database, handlers, row["event_id"], row["company_id"])


async def _retry_one(database: Database, handlers: Handlers, event_id: UUID, company_id: UUID) -> None:
    try:
        async with database.transaction(company_id) as tx:
            row = await tx.fetchrow(_TAKE, event_id)
            if row is None:
                return
            await call_handler(tx, handlers, _event(row))
            await tx.execute(_DONE, event_id)
        log.info("parked event handled", extra={"event": str(event_id)})
    except Exception as error:
        if is_transient(error):
            raise
        log.warning("parked event failed again", extra={"event": str(event_id), "error": str(error)})
        text = f"{type(error).__name__}: {error}".replace("\0", "")[:2000]
        async with database.transaction(company_id) as tx:  # another instance may have handled it meanwhile
            await tx.execute(_FAILED, event_id, text)


def _event(row: Any) -> Event:
    payload = row["payload"]
    return Event(
        id=row["event_id"],
        type=row["type"],
        module=row["module"],
        company_id=row["company_id"],
        entity_id=row["entity_id"],
        occurred_at=datetime.fromisoformat(payload["occurred_at"]),
        data=payload["data"],
        trace=payload["trace"],
    )
