"""One transaction: SQL, outgoing events, the stored answer, and what is to happen after it commits."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import UUID

import orjson
from fastapi import Response
from pydantic import BaseModel

from nexus_kit import tracing
from nexus_kit.ids import new_id
from nexus_kit.logs import log
from nexus_kit.spans import Kind, Span

if TYPE_CHECKING:
    from nexus_kit.events.event import Event

_OUTBOX = """
INSERT INTO outbox (id, type, entity_id, company_id, occurred_at, data, trace)
SELECT id, type, entity_id, company_id, occurred_at, data::jsonb, trace
FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::uuid[], $5::timestamptz[], $6::text[], $7::text[])
     AS e(id, type, entity_id, company_id, occurred_at, data, trace)
"""
_ANSWER = "UPDATE idempotency SET status = $3, headers = $4, body = $5 WHERE company_id = $1 AND key = $2"
_NO_ANSWER = "DELETE FROM idempotency WHERE company_id = $1 AND key = $2"


class Tx:
    """A running transaction. SQL goes straight to asyncpg; json and jsonb are Python values both ways."""

    __slots__ = (
        "_answer",
        "_events",
        "_held",
        "_savepoints",
        "after",
        "company_id",
        "conn",
        "idempotency_key",
        "spans",
    )

    def __init__(self, connection: Any, company_id: UUID | None) -> None:
        self.conn = connection
        self.company_id = company_id
        self.idempotency_key: str | None = None
        self.after: list[Callable[[], object]] = []
        self.spans: dict[UUID, Span] = {}
        self._events: list[tuple[UUID, str, UUID, UUID, datetime, str, str | None]] = []
        self._answer: Response | None = None
        self._held: list[Span] = []
        self._savepoints = 0

    async def execute(self, sql: str, *args: Any) -> str:
        """Run a statement; returns its command tag."""
        tag: str = await self.conn.execute(sql, *args)
        return tag

    async def executemany(self, sql: str, args: Iterable[Sequence[Any]]) -> None:
        """Run a statement once per row of ``args``."""
        await self.conn.executemany(sql, args)

    async def fetch(self, sql: str, *args: Any) -> list[Any]:
        """Return all rows."""
        rows: list[Any] = await self.conn.fetch(sql, *args)
        return rows

    async def fetchrow(self, sql: str, *args: Any) -> Any:
        """Return the first row, or None."""
        return await self.conn.fetchrow(sql, *args)

    async def fetchval(self, sql: str, *args: Any) -> Any:
        """Return the first column of the first row, or None."""
        return await self.conn.fetchval(sql, *args)

    async def copy_records_to_table(self, table: str, **kwargs: Any) -> str:
        """Insert many records with COPY (see asyncpg)."""
        tag: str = await self.conn.copy_records_to_table(table, **kwargs)
        return tag

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """Run the block so that an exception undoes only the block."""
        self._savepoints += 1
        name = f"s{self._savepoints}"
        events, actions = len(self._events), len(self.after)
        await self.conn.execute(f"SAVEPOINT {name}")
        try:
            yield
        except BaseException:
            if not self.conn.is_closed():
                await self.conn.execute(f"ROLLBACK TO SAVEPOINT {name}")
            del self._events[events:], self.after[actions:]
            raise
        await self.conn.execute(f"RELEASE SAVEPOINT {name}")

    async def publish(
        self,
        type: str,
        entity_id: UUID,
        data: Mapping[str, Any],
        *,
        company_id: UUID | None = None,
        cause: Event | None = None,
        trace: str | None = None,
        noted: Mapping[str, Any] | None = None,
    ) -> UUID:
        """Tell other modules a fact: stored in the outbox with this transaction, sent once it commits.

        ``company_id`` is needed in a system transaction only. The fact belongs to the trace of ``cause``, the
        event it follows from; or to ``trace`` (a traceparent), when it is about a thing that has a trace of
        its own; else to the trace of this task. ``noted``: ids and amounts (nothing about people) of the log
        line that tells it once it is committed; without them there is none. Returns the new event's id.
        """
        company = company_id or self.company_id
        if company is None:
            raise ValueError(f"publish({type!r}) in a system transaction needs company_id=")
        event_id = new_id()
        span = self._span_of(type, event_id, self._at_work(cause, entity_id), trace, noted or {})
        told = span.traceparent if span else cause.trace if cause else None
        body = orjson.dumps(dict(data), default=str).decode()
        self._events.append((event_id, type, UUID(str(entity_id)), company, datetime.now(UTC), body, told))
        if noted is not None:
            self._log_later(type, noted, span)
        return event_id

    def log(self, moment: str, noted: Mapping[str, Any], cause: Event | None = None) -> None:
        """Log a ``moment`` (``order.cancelled``) with ids and amounts once it is committed, event or not."""
        self._log_later(moment, noted, self._at_work(cause))

    def _log_later(self, moment: str, noted: Mapping[str, Any], span: Span | None) -> None:
        ids = {"trace_id": span.trace_id, "span_id": span.span_id} if span else {}
        text = moment.replace(".", " ").replace("_", " ")
        self.after.append(partial(log.info, text, extra={**ids, **noted}))

    def trace_of(self, cause: Event | None = None, entity_id: UUID | None = None) -> str | None:
        """The traceparent of the span in which ``cause`` (or an event about ``entity_id``) is handled.

        Keep it with a thing that lives on, so that later work on the thing joins its trace. When no such
        event is in hand, it is the task's.
        """
        span = self._at_work(cause, entity_id)
        return span.traceparent if span else cause.trace if cause else None

    def _at_work(self, cause: Event | None, entity_id: UUID | None = None) -> Span | None:
        key = cause.id if cause is not None else entity_id
        return self.spans.get(key) if key in self.spans else tracing.current()

    def _span_of(
        self, type: str, event_id: UUID, here: Span | None, trace: str | None, noted: Mapping[str, Any]
    ) -> Span | None:
        """Show the fact in its trace: a moment of the span at work, or a span of its own in ``trace``.

        Once it is committed, that is: until then the span at work is held.
        """
        name = f"publish {type}"
        if trace is not None:
            span, here = tracing.start(name, trace, Kind.PRODUCER), tracing.current()
            span.note(noted)
            self._hold(here)
            self.after.append(partial(_show, span, here, noted))
            return span
        if here is not None:
            self._hold(here)
            moment = {"messaging.message.id": str(event_id)}
            self.after.append(partial(here.happened, name, moment, time.time_ns()))
        return here

    def _hold(self, span: Span | None) -> None:
        if span is not None:
            tracing.hold(span)
            self._held.append(span)

    def release_spans(self) -> None:
        """Have the spans recorded that waited for the end of the transaction, whatever end it took."""
        for span in self._held:
            tracing.release(span)
        self._held.clear()

    def respond(
        self,
        status: int,
        body: BaseModel | Mapping[str, Any] | Sequence[Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Make the response; with an Idempotency-Key it is stored with the transaction and given again."""
        if body is None:
            self._answer = Response(status_code=status, headers=dict(headers or {}))
        else:
            content = body.model_dump_json().encode() if isinstance(body, BaseModel) else to_bytes(body)
            self._answer = Response(
                content, status, headers=dict(headers or {}), media_type="application/json"
            )
        return self._answer

    def after_commit(self, action: Callable[[], object]) -> None:
        """Call ``action`` once the transaction has committed."""
        self.after.append(action)

    @property
    def published(self) -> bool:
        """Whether this transaction has outgoing events."""
        return bool(self._events)

    async def finish(self) -> None:
        """Write the outgoing events and the stored answer; the last thing before COMMIT."""
        if self._events:
            await self.conn.execute(_OUTBOX, *zip(*self._events, strict=True))
        if self.idempotency_key is None:
            return
        if self._answer is None:
            await self.conn.execute(_NO_ANSWER, self.company_id, self.idempotency_key)
            return
        headers = {
            key: value
            for key, value in self._answer.headers.items()
            if key not in ("content-length", "set-cookie")
        }
        await self.conn.execute(
            _ANSWER,
            self.company_id,
            self.idempotency_key,
            self._answer.status_code,
            headers,
            bytes(self._answer.body),
        )


def _show(span: Span, here: Span | None, noted: Mapping[str, Any]) -> None:
    if here is not None:
        tracing.join(here, span, noted)
    tracing.end(span)


def to_bytes(value: Any) -> bytes:
    """Encode ``value`` as JSON; models by their own rules, money and ids as strings."""
    return orjson.dumps(value, default=_encode)


def _encode(value: Any) -> Any:
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else str(value)
