"""Errors of PostgreSQL: whose fault they are, and what is told of them."""

from __future__ import annotations

import asyncpg

from nexus.migrations.errors import MigrationError, MigrationFailed
from nexus.migrations.statements import Statement

DISK_FULL, CANCELED = "53100", "57014"
# 08 connection, 53 resources, 57 somebody intervened, 58 the system: the script is not to blame.
_OUTSIDE = ("08", "53", "57", "58")
_IDLE = ("25P03", "25P04")  # a session of ours that was stopped
_NEEDS_NO_TRANSACTION = ("25001", "2D000", "55P04")
# InternalClientError: asyncpg was told of the end while it was idle.
LOST = (asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError)


class HalfDone(MigrationFailed):
    """A statement that cannot be run again may have done a part of its work: an operator is to look at it."""


def outside(error: BaseException) -> bool:
    """Whether an error says nothing of the script: the server, the disk, the network, an operator."""
    if not isinstance(error, asyncpg.PostgresError):
        return isinstance(error, LOST)
    code = str(error.sqlstate or "")
    return code[:2] in _OUTSIDE or code in _IDLE


def explain(error: BaseException, statement: Statement | None) -> str:
    """The error in one line: SQLSTATE, message, line of the script, detail, hint, and where in a function."""
    if isinstance(error, MigrationError):
        return str(error)
    if not isinstance(error, asyncpg.PostgresError):
        return f"the connection is lost ({type(error).__name__}: {error})".replace("\n", " ")
    parts = [f"{error.sqlstate} {error.args[0] if error.args else error}{_where(error, statement)}"]
    for name, word in (("detail", ""), ("hint", "hint: "), ("context", "where: ")):
        told = getattr(error, name, None)
        if told:
            parts.append(word + str(told).strip().split("\n")[0])
    return "; ".join(parts).replace("\n", " ")


def hint(error: asyncpg.PostgresError, sentence: str) -> None:
    """Add a sentence to what PostgreSQL advises."""
    error.hint = ". ".join(each for each in (getattr(error, "hint", None), sentence) if each)


def line_of(error: BaseException, statement: Statement) -> int:
    """The line of the script where PostgreSQL saw it; of the statement's first word where it does not say."""
    position = getattr(error, "position", None)
    before = statement.sql[: int(position) - 1] if position else ""
    return statement.line + before.count("\n")


def mend(error: BaseException) -> str:
    """What to do beyond correcting the script, "" where there is nothing to say."""
    code = str(getattr(error, "sqlstate", "") or "")
    if code in _NEEDS_NO_TRANSACTION:
        return "Write -- nexus: transaction=none in its first lines: each statement commits by itself"
    if code == DISK_FULL:
        return "Make room on the server's disk"
    if code == CANCELED:
        return "It took longer than statement_timeout, or somebody cancelled it"
    return ""


def _where(error: BaseException, statement: Statement | None) -> str:
    return "" if statement is None else f" (line {line_of(error, statement)})"
