"""Transactions as the owner of a module's schema."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from nexus.migrations.applying.session import GUARDS, OURSELVES
from nexus.migrations.quoting import identifier

if TYPE_CHECKING:
    from nexus.migrations.applying.session import Session


def begin(session: Session, opening: str = "BEGIN") -> str:
    """The SQL that begins a transaction as the module's owner, in its schema, with short waits for locks."""
    return f"{opening}; {_set(session, 'SET LOCAL')}"


def give_back(session: Session) -> str:
    """The SQL before the journal's rows are written in the same transaction, as ourselves.

    What is deferred is checked as the owner, before anything is recorded as done; what a script set is gone.
    """
    lazy = "" if session.durable else "; SET LOCAL synchronous_commit = off"
    return (
        f"SET CONSTRAINTS ALL IMMEDIATE; {OURSELVES}; "
        f"SET LOCAL lock_timeout = {_milliseconds(session.settings.lock_timeout)}{lazy}"
    )


def short_waits(session: Session) -> str:
    """The SQL that takes short waits again, after what may have set others (pg_dump begins with
    `SET lock_timeout = 0`).
    """
    return (
        f"SET lock_timeout = {_milliseconds(session.settings.lock_timeout)}; "
        f"SET idle_in_transaction_session_timeout = '{GUARDS['idle_in_transaction_session_timeout']}'"
    )


@asynccontextmanager
async def as_owner(session: Session) -> AsyncIterator[None]:
    """The same for statements that run in no transaction; after an error `Session.roll_back` resets it."""
    await session.connection.execute(_set(session, "SET"))
    yield
    await session.connection.execute(OURSELVES)


def _set(session: Session, verb: str) -> str:
    settings, source = session.settings, session.source
    lock = _milliseconds(settings.lock_timeout)
    words = [
        f"{verb} search_path = {identifier(source.schema)}",
        f"{verb} lock_timeout = {lock}",
        # A vacuum that PostgreSQL started makes way once this is over, and not before.
        f"{verb} deadlock_timeout = {max(1, lock // 2)}",
    ]
    if settings.statement_timeout is not None:
        words.append(f"{verb} statement_timeout = {_milliseconds(settings.statement_timeout)}")
    words.append(f"{verb} SESSION AUTHORIZATION {identifier(source.owner)}")
    replayed = (*session.replayed, short_waits(session)) if session.replayed else ()
    return "\n; ".join((*words, *replayed))


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))
