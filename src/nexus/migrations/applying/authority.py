"""A script runs as the owner of its module's schema, and cannot be anybody else.

The session's own user becomes the owner (`SET SESSION AUTHORIZATION`), so that SET ROLE reaches only
roles that the owner is a member of. PostgreSQL lets a superuser's connection take that back, so the words
that do are refused before anything is done, and after each message the server's report of the session's
user is read.
Source: PostgreSQL's manual, SET SESSION AUTHORIZATION; protocol, ParameterStatus.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from pglast import ast
from pglast.enums import DiscardMode

from nexus.migrations.errors import MigrationFailed, MigrationUnreadable
from nexus.migrations.statements import Statement

if TYPE_CHECKING:
    from nexus.migrations.applying.session import Session

_PERHAPS = re.compile(r"\b(?:role|authorization|session_authorization|discard)\b", re.IGNORECASE)
_TREES = re.compile(r"(?:set|reset|discard|do|create)\b", re.IGNORECASE)
_BLANK = r"(?:\s|--[^\n]*\n|/\*.*?\*/)"
_BEGINS = (
    r"(?:\A|[;'$]|\b(?:begin|then|else|loop)\b)"  # of a statement in a body; UPDATE … SET role = 'x' is none
)
CHANGES = re.compile(
    rf"{_BEGINS}{_BLANK}*(?:set|reset){_BLANK}+(?:(?:session|local){_BLANK}+)?"
    r"(?:role|session_authorization|authorization)\b"
    rf"|\bset_config{_BLANK}*\({_BLANK}*'(?:role|session_authorization)'",
    re.IGNORECASE | re.DOTALL,
)
_NAMES = ("role", "session_authorization")


def check_authority(script: Iterable[Statement]) -> None:
    """Refuse statements that change whose rights they have.

    Raises:
        MigrationUnreadable: names the first one.
    """
    for each in script:
        if _PERHAPS.search(each.sql) and _changes(each):
            raise MigrationUnreadable(
                f"{each.place}:{each.line}: {each.head}: a script runs as the owner of its schema and cannot "
                "change that: take this statement away, and let `nexus up` or a superuser do what needs more "
                "rights"
            )


def check_still_owner(session: Session) -> None:
    """Whether the script has left the session's user alone; what is uncommitted is to be rolled back.

    Raises:
        MigrationFailed: it has not.
    """
    user, owner = session.connection.get_settings().session_authorization, session.source.owner
    if user != owner:
        statement = session.current
        where = f"{session.migration.place}:{statement.line}" if statement else session.migration.place
        raise MigrationFailed(
            f"{where}: it made itself {user}; a script runs as {owner}, who owns its schema, and cannot "
            "change that. Take what does so away"
        )


def _changes(statement: Statement) -> bool:
    if not _TREES.match(statement.sql):
        return CHANGES.search(statement.sql) is not None
    match tree := statement.tree:
        case ast.VariableSetStmt():
            return tree.name in _NAMES
        case ast.DiscardStmt():
            return tree.target == DiscardMode.DISCARD_ALL
        case ast.DoStmt():
            bodies = (str(each.arg.sval) for each in tree.args or () if each.defname == "as")
            return any(CHANGES.search(each) for each in bodies)
    return False  # a function has the rights of whoever calls it; what it changes is seen by the report
