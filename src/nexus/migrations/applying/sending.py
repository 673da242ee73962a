"""Sending a script's statements within a transaction, and those that end it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import asyncpg
from pglast.enums import TransactionStmtKind

from nexus.migrations.applying.authority import check_still_owner
from nexus.migrations.applying.owning import begin, give_back, short_waits
from nexus.migrations.applying.retry import in_the_way, retry
from nexus.migrations.applying.units import Unit, sendings, transaction_statement
from nexus.migrations.applying.watch import Watch
from nexus.migrations.statements import Statement

if TYPE_CHECKING:
    from nexus.migrations.applying.session import Session

_WRITES = "SELECT current_setting('transaction_read_only') = 'off'"
# What may change how long we wait for locks.
_SETS = re.compile(r"\A(?:set|reset)\s|\block_timeout\b", re.IGNORECASE)


async def run_together(session: Session, script: Sequence[Statement], record: str) -> None:
    """The statements and `record`, the SQL of the journal's rows, in one transaction: both are true, or
    neither is.

    Raises what `retry` raises.
    """

    async def work(watch: Watch) -> None:
        await session.connection.execute(begin(session))
        await send(session, script, watch)
        await _commit(session, record, "COMMIT")

    first = script[0] if script else None
    await retry(session, work, first.line if first else 0, first.head if first else "")


async def run_own(session: Session, unit: Unit, record: str) -> None:
    """A transaction that the script begins and ends; `record` is a part of it when it ends in COMMIT and may
    write; else it follows: what only read, or was rolled back, may be run twice.

    Raises what `retry` raises.
    """
    opening, *script, end = unit.statements

    async def work(watch: Watch) -> None:
        await session.connection.execute(begin(session, f"{opening.sql}\n"))
        await send(session, script, watch)
        commits = transaction_statement(end) is TransactionStmtKind.TRANS_STMT_COMMIT
        if commits and await session.connection.fetchval(_WRITES):
            await _commit(session, record, end.sql)
        else:
            await session.connection.execute(end.sql)
            await session.connection.execute("BEGIN")
            await _commit(session, record, "COMMIT")

    await retry(session, work, opening.line, opening.head)


async def _commit(session: Session, record: str, commit: str) -> None:
    session.current = None
    await session.connection.execute(f"{give_back(session)}; {record}; {commit}")


async def send(session: Session, script: Sequence[Statement], watch: Watch) -> None:
    """Rows that follow each other are sent at once; when one is refused, they are sent again one by one, so
    that the one is named.
    """
    for group in sendings(script):
        if len(group) == 1:
            await _one(session, group[0], watch)
            continue
        _show(session, group, watch)
        await session.connection.execute("SAVEPOINT nexus_rows")
        try:
            await session.connection.execute("\n;".join(each.sql for each in group))
        except asyncpg.PostgresError as error:
            if session.connection.is_closed() or in_the_way(error, watch):
                raise
            await session.connection.execute("ROLLBACK TO SAVEPOINT nexus_rows")
            for each in group:
                await _one(session, each, watch)
        check_still_owner(session)
        await session.connection.execute("RELEASE SAVEPOINT nexus_rows")


async def _one(session: Session, statement: Statement, watch: Watch) -> None:
    _show(session, (statement,), watch)
    sets = _SETS.search(statement.sql) is not None
    await session.connection.execute(f"{statement.sql}\n; {short_waits(session)}" if sets else statement.sql)
    check_still_owner(session)


def _show(session: Session, group: Sequence[Statement], watch: Watch) -> None:
    session.current = group[0]
    watch.at(group[0].line, tell(session, group))


def tell(session: Session, group: Sequence[Statement]) -> str:
    """Tell that statements begin that are sent at once; returns how they are called."""
    first, more = group[0], len(group) - 1
    head = f"{first.head} and {more} more" if more else first.head
    session.say("statement", head, first.line, number=first.number)
    return head
