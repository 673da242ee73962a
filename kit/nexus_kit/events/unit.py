"""Handling some events of one company in one transaction: inbox, handlers, outgoing events, commit."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from nexus_kit.database import Database
from nexus_kit.events.event import Event, Handler, Handlers, NotYet
from nexus_kit.events.schedule import Item
from nexus_kit.events.spans import handling
from nexus_kit.tx import Tx

_RECEIVE = """
INSERT INTO inbox (event_id, module, type, company_id, entity_id)
SELECT event_id, $2, type, $3, entity_id
FROM unnest($1::uuid[], $4::text[], $5::uuid[]) AS e(event_id, type, entity_id)
ON CONFLICT (event_id) DO NOTHING RETURNING event_id
"""


class Culprits(Exception):
    """The events that made the unit fail; the others of the unit are innocent and may be handled without
    them.
    """

    def __init__(self, items: Sequence[Item], error: Exception) -> None:
        super().__init__(str(error))
        self.items = items
        self.error = error


async def handle(database: Database, handlers: Handlers, company_id: UUID, items: Sequence[Item]) -> int:
    """Handle ``items`` (one stream, one company) in one transaction; those in the inbox already are dropped.

    Returns how many were new. Raises Culprits when a handler raised; then nothing has happened.
    """
    module = items[0].event.module
    async with database.transaction(company_id) as tx:
        rows = await tx.fetch(
            _RECEIVE,
            [item.event.id for item in items],
            module,
            company_id,
            [item.event.type for item in items],
            [item.event.entity_id for item in items],
        )
        new = {row["event_id"] for row in rows}
        fresh: list[Item] = []
        for item in items:
            if item.event.id in new:
                new.discard(item.event.id)  # the same event twice in one batch counts once
                fresh.append(item)
        for handler, group in in_order(handlers, fresh):
            await _call(tx, handler, group)
        return len(fresh)


async def call_handler(tx: Tx, handlers: Handlers, event: Event) -> None:
    """Call the handler of a single event in the running transaction."""
    handler = handlers[event.module, event.type]
    with handling(tx, [event]):
        await handler.function(tx, [event] if handler.batch else event)


def in_order(handlers: Handlers, items: Sequence[Item]) -> list[tuple[Handler, list[Item]]]:
    """Group items by handler so that batches are long and the events of one entity keep their order."""
    groups: list[tuple[Handler, list[Item]]] = []
    latest: dict[int, int] = {}
    of_entity: dict[UUID, int] = {}
    for item in items:
        handler = handlers[item.event.module, item.event.type]
        at = latest.get(id(handler.function), -1)
        if at < of_entity.get(item.event.entity_id, 0):
            at = -1
        if at < 0:
            groups.append((handler, []))
            at = latest[id(handler.function)] = len(groups) - 1
        groups[at][1].append(item)
        of_entity[item.event.entity_id] = at
    return groups


async def _call(tx: Tx, handler: Handler, items: list[Item]) -> None:
    if not handler.batch:
        for item in items:
            try:
                with handling(tx, [item.event]):
                    await handler.function(tx, item.event)
            except Exception as error:
                raise Culprits([item], error) from error
        return
    try:
        with handling(tx, [item.event for item in items]):
            await handler.function(tx, [item.event for item in items])
    except Exception as error:
        named = error.event_ids if isinstance(error, NotYet) else frozenset()
        raise Culprits([item for item in items if item.event.id in named] or items, error) from error
