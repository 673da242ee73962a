"""A short script sent in one message, with what is recorded before and after it: one way to the server.

The server runs the message statement by statement and stops at the first error, of which it does not say
whose it is. So only what is over at once is sent so; when it is refused, it is sent again one by one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import asyncpg

from nexus.migrations.applying.authority import CHANGES
from nexus.migrations.applying.owning import begin, give_back
from nexus.migrations.applying.retry import in_the_way, retry
from nexus.migrations.applying.sending import send, tell
from nexus.migrations.applying.units import sendings
from nexus.migrations.applying.watch import Watch
from nexus.migrations.statements import Statement

if TYPE_CHECKING:
    from nexus.migrations.applying.session import Session

SHORT = 1 << 16  # characters
_BRIEF = re.compile(r"(?:create|alter|drop|comment|grant|revoke|insert|update|delete)\s", re.IGNORECASE)
# Statements that may take long wherever they run, and settings by which the server reads what follows.
_NOT_SO = re.compile(
    r"\b(?:select|generate_series|pg_sleep|set_config|lock_timeout)|conforming|backslash_quote", re.IGNORECASE
)
_BEGUN = "SELECT EXISTS (SELECT FROM nexus.migration_run WHERE id = $1)"


def brief(script: Sequence[Statement]) -> bool:
    """Whether a script is over at once in a schema that was empty: definitions, and rows written out."""
    return sum(len(each.sql) for each in script) <= SHORT and all(
        _BRIEF.match(each.sql) and not _NOT_SO.search(each.sql) and not CHANGES.search(each.sql)
        for each in script
    )


async def run_at_once(
    session: Session, run_id: str, script: Sequence[Statement], before: str, record: str
) -> None:
    """`before`, then the statements and `record` in one transaction: both are true, or neither is.

    `before`: SQL that records the run; it is true once anything of the script is.

    Raises what `retry` raises.
    """
    sent = False

    async def work(watch: Watch) -> None:
        nonlocal sent
        if sent:
            await _one_by_one(session, run_id, script, before, record, watch)
            return
        sent = True
        _show(session, script, watch)
        try:
            await session.connection.execute(_message(session, script, before, record))
        except asyncpg.PostgresError as error:
            if session.connection.is_closed() or in_the_way(error, watch):
                raise
            await session.roll_back()
            await _one_by_one(session, run_id, script, before, record, watch)

    await retry(session, work)


def _message(session: Session, script: Sequence[Statement], before: str, record: str) -> str:
    statements = (each.sql for each in script)
    return "\n; ".join((before, begin(session), *statements, give_back(session), record, "COMMIT"))


def _show(session: Session, script: Sequence[Statement], watch: Watch) -> None:
    for group in sendings(script):
        tell(session, group)
    session.current = None
    if script:
        more = f" and {len(script) - 1} more" if len(script) > 1 else ""
        watch.at(script[0].line, f"{script[0].head}{more}")


async def _one_by_one(
    session: Session, run_id: str, script: Sequence[Statement], before: str, record: str, watch: Watch
) -> None:
    if not await session.connection.fetchval(_BEGUN, run_id):  # the server could not even read the message
        await session.connection.execute(before)
    await session.connection.execute(begin(session))
    await send(session, script, watch)
    session.current = None
    await session.connection.execute(f"{give_back(session)}; {record}; COMMIT")
