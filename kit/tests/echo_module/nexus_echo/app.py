"""A tiny real module: notes over HTTP, pings over events, and switches that make its handlers misbehave."""

from __future__ import annotations

import asyncio
import os
import signal
from decimal import Decimal
from typing import Annotated
from uuid import UUID

import asyncpg
from fastapi import APIRouter, Depends, Response
from nexus_kit import (
    BusinessHealth,
    Event,
    Idempotency,
    Module,
    NotYet,
    Page,
    Paging,
    Principal,
    Tx,
    idempotency,
    paging,
    problem,
    public,
    require,
    service_only,
)
from pydantic import BaseModel, ConfigDict, Field

module = Module("echo")
app = module.app
router = APIRouter(prefix="/api/echo")
bootstrapped: list[str] = []


class NoteIn(BaseModel):
    model_config = ConfigDict(extra="forbid")
    text: str = Field(min_length=1, max_length=200)
    amount: Decimal = Field(default=Decimal(0), max_digits=18, decimal_places=2)
    number: int = 0


class Note(BaseModel):
    id: UUID
    text: str
    amount: Decimal
    number: int


Writer = Annotated[Principal, Depends(require("echo.note.write"))]
Reader = Annotated[Principal, Depends(require("echo.note.read"))]


@router.post("/notes", status_code=201, response_model=Note)
async def create(note: NoteIn, who: Writer, idem: Annotated[Idempotency, Depends(idempotency)]) -> Response:
    async with module.db.write(who, idem) as tx:
        try:
            row = await tx.fetchrow(
                "INSERT INTO notes (company_id, text, amount, number) VALUES ($1, $2, $3, $4) "
                "RETURNING id, text, amount, number",
                who.company_id,
                note.text,
                note.amount,
                note.number,
            )
        except asyncpg.UniqueViolationError:
            raise problem(409, "duplicate-note", "This note exists.", field="text") from None
        await tx.publish("note.created", row["id"], {"text": note.text, "amount": note.amount})
        return tx.respond(201, Note(**row))


@router.get("/notes", response_model=Page[Note])
async def notes(who: Reader, page: Annotated[Paging, Depends(paging)]) -> dict[str, object]:
    async with module.db.read(who.company_id) as tx:
        # no company in the WHERE clause on purpose: row-level security must hold alone
        rows = await tx.fetch(
            "SELECT id, text, amount, number FROM notes "
            "WHERE $1::uuid IS NULL OR id > $1 ORDER BY id LIMIT $2",
            page.value(0, UUID),
            page.limit + 1,
        )
    return page.page(rows, "id")


@router.get("/notes/{note_id}", response_model=Note)
async def note(note_id: UUID, who: Reader) -> dict[str, object]:
    async with module.db.read(who.company_id) as tx:
        row = await tx.fetchrow("SELECT id, text, amount, number FROM notes WHERE id = $1", note_id)
    if row is None:
        raise problem(404, "not-found", "There is no such note.")
    return dict(row)


@router.get("/search", response_model=Page[Note])
async def search(who: Reader, q: str, number: int = 0) -> dict[str, object]:
    async with module.db.read(who.company_id) as tx:
        rows = await tx.fetch(
            "SELECT id, text, amount, number FROM notes WHERE text = $1 AND number >= $2 LIMIT 10", q, number
        )
    return {"items": [dict(row) for row in rows], "next": None}


@router.get("/open", dependencies=[Depends(public)])
async def open_to_all() -> dict[str, bool]:
    return {"open": True}


@router.get("/broken", dependencies=[Depends(public)])
async def broken() -> None:
    raise RuntimeError("secret detail")


@router.get("/slow", dependencies=[Depends(public)])
async def slow(seconds: Annotated[float, Field(ge=0, le=5)] = 1.0) -> dict[str, float]:
    await asyncio.sleep(seconds)
    return {"slept": seconds}


@router.get("/relayed", dependencies=[Depends(public)])
async def relayed(module_name: str = "other") -> dict[str, object]:
    reply = await module.call(module_name).get("/internal/whoami", company_id=UUID(int=7))
    return {"status": reply.status, "data": reply.data}


@app.get("/internal/whoami")
async def whoami(who: Annotated[Principal, Depends(service_only)]) -> dict[str, str | None]:
    return {"service": who.service, "company": str(who.company_id)}


app.include_router(router)


async def _switch(tx: Tx, name: str) -> str | None:
    value: str | None = await tx.fetchval("SELECT value FROM switches WHERE name = $1", name)
    return value


async def _seen(tx: Tx, event: Event) -> None:
    await tx.execute(
        "INSERT INTO pings (event_id, company_id, entity_id, type, trace) VALUES ($1, $2, $3, $4, $5)",
        event.id,
        event.company_id,
        event.entity_id,
        event.type,
        event.trace,
    )
    await tx.publish("ping.seen", event.entity_id, {"event_id": event.id}, cause=event)


@module.on("source", "ping")
async def ping(tx: Tx, event: Event) -> None:
    await _seen(tx, event)


@module.on("source", "slow.ping")
async def slow_ping(tx: Tx, event: Event) -> None:
    await _seen(tx, event)
    await asyncio.sleep(float(await _switch(tx, "slow") or 0))


@module.on_batch("source", "batch.ping")
async def batch(tx: Tx, events: list[Event]) -> None:
    assert len({event.company_id for event in events}) == 1
    if any(event.data.get("poison") for event in events):
        raise ValueError("poisoned")
    await tx.executemany(
        "INSERT INTO pings (event_id, company_id, entity_id, type) VALUES ($1, $2, $3, $4)",
        [(event.id, event.company_id, event.entity_id, f"batch of {len(events)}") for event in events],
    )


@module.on("source", "bad.ping")
async def bad(tx: Tx, event: Event) -> None:
    if await _switch(tx, "bad") != "mended":
        raise ValueError(f"cannot handle {event.data.get('why')}")
    await _seen(tx, event)


@module.on("source", "deadly.ping")
async def deadly(tx: Tx, event: Event) -> None:
    """Ends the process, as running out of memory would."""
    os.kill(os.getpid(), signal.SIGKILL)


@module.on("other", "child")
async def child(tx: Tx, event: Event) -> None:
    """A child needs its parent's ping, which comes on another stream and maybe later."""
    parent = await tx.fetchval("SELECT 1 FROM pings WHERE entity_id = $1", event.entity_id)
    if parent is None:
        raise NotYet("the parent has not arrived")
    await _seen(tx, event)


@module.worker(every=0.05, leader=True)
async def tick() -> None:
    async with module.db.system() as tx:
        if await _switch(tx, "ticking"):
            await tx.execute(
                "INSERT INTO switches VALUES ('ticks', '1') "
                "ON CONFLICT (name) DO UPDATE SET value = (switches.value::int + 1)::text"
            )


@module.business
async def numbers(tx: Tx) -> BusinessHealth:
    negative = await tx.fetchval("SELECT count(*) FROM notes WHERE amount < 0")
    return BusinessHealth(
        {"notes": await tx.fetchval("SELECT count(*) FROM notes"), "negative": negative}, ("negative",)
    )


@module.bootstrap
async def first_note(boot: dict) -> None:
    async with module.db.transaction(UUID(boot["company"]["id"])) as tx:
        await tx.execute(
            "INSERT INTO notes (company_id, text) VALUES ($1, 'first') ON CONFLICT DO NOTHING", tx.company_id
        )
