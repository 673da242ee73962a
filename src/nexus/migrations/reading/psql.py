r"""What only psql understands: its commands (`\copy`, `\i`, `\connect`), data after COPY … FROM stdin.

PostgreSQL's own syntax has a backslash only inside strings, quoted names and comments; those are skipped as
its scanner does (manual, 4.1 Lexical Structure).
"""

from __future__ import annotations

import re

from pglast import ast

from nexus.migrations.comments import block_end, line_ends
from nexus.migrations.errors import MigrationUnreadable
from nexus.migrations.migration import Migration
from nexus.migrations.statements import statements

# No possessive repeat of a group: Python before 3.11.5 gets it wrong (gh-100061, gh-106052).
_TOKEN = re.compile(
    r"""
      (?P<command>\\\S*)
    | (?P<copy>copy\b[^;'$\\]*?\bfrom\s+(?:stdin|pstdin)\b)
    | (?P<words>(?:(?!copy\b|e')(?:[^\W\d][\w$]*+|\d++)[^\w'"\\$/\-;]*+)+)
    | (?P<line>--[^\n\r]*+)
    | (?P<block>/\*)
    | e'(?:[^'\\]+|\\.|'')*(?:'|\Z)(?:  # and on after a line end, still with escapes (4.1.2.2)
        (?:[ \t\f\v]|--[^\n\r]*+)*[\n\r](?:[ \t\n\r\f\v]|--[^\n\r]*+[\n\r])*
        '(?:[^'\\]+|\\.|'')*(?:'|\Z))*
    | '[^']*+(?:'|\Z)
    | "[^"]*+(?:"|\Z)
    | \$\d+
    | \$(?P<tag>(?:[^\W\d]\w*)?)\$.*?(?:\$(?P=tag)\$|\Z)
    """,
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)
_COPY = re.compile(r"\bcopy\b", re.IGNORECASE)
_ROWS = "write the rows as INSERT INTO … VALUES, or load them by a task of the module after the migration"
_INSTEAD = {
    "\\copy": _ROWS,
    "\\.": _ROWS,
    "\\i": "put that file's SQL here, or into a migration of its own",
    "\\ir": "put that file's SQL here, or into a migration of its own",
    "\\include": "put that file's SQL here, or into a migration of its own",
    "\\include_relative": "put that file's SQL here, or into a migration of its own",
    "\\restrict": "take it out: pg_dump writes it for psql alone",
    "\\unrestrict": "take it out: pg_dump writes it for psql alone",
    "\\c": "take it out: a migration runs in its module's database and schema",
    "\\connect": "take it out: a migration runs in its module's database and schema",
    "\\set": "write the value itself where it is used",
    "\\gset": "write a DO block with a variable",
    "\\gexec": "write a DO block with EXECUTE",
    "\\if": "write a DO block with IF",
    "\\g": "end the statement with a semicolon",
}


def refuse_psql(place: str, sql: str) -> None:
    """Refuse a script that is written for psql. `place`: what messages call the file.

    Raises:
        MigrationUnreadable: it holds a psql command or a COPY's data block; the message says the line.
    """
    if "\\" not in sql and "stdin" not in sql.lower():
        return
    position, fresh = 0, True  # fresh: no word of a statement has come yet
    while match := _TOKEN.search(sql, position):
        gap = sql[position : match.start()].strip()
        fresh = gap.endswith(";") if gap else fresh
        position = match.end()
        if match["command"]:
            _refuse_command(f"{place}:{1 + line_ends(sql, 0, match.start())}", match["command"])
        if match["copy"] and fresh:
            _refuse_copy(f"{place}:{1 + line_ends(sql, 0, match.start())}")
        if match["block"]:
            position = block_end(sql, position)
        fresh = fresh and bool(match["line"] or match["block"])
    line = _unusual_copy(sql) if "stdin" in sql.lower() and _COPY.search(sql) else None
    if line is not None:
        _refuse_copy(f"{place}:{line}")


def _unusual_copy(sql: str) -> int | None:
    """The line of a COPY … FROM stdin with comments or quotes between its words, as the parse tree tells."""
    try:
        for statement in statements(Migration("", sql, "")):
            tree = statement.tree if statement.head[:4].lower() == "copy" else None
            if isinstance(tree, ast.CopyStmt) and tree.is_from and not tree.filename:
                return statement.line
    except MigrationUnreadable:
        return None  # what is no SQL is told by whoever needs its statements
    return None


def _refuse_copy(where: str) -> None:
    raise MigrationUnreadable(
        f"{where}: COPY … FROM stdin takes its rows from psql, which does not run here; {_ROWS}"
    )


def _refuse_command(where: str, command: str) -> None:
    instead = _INSTEAD.get(command.lower(), "take it out, or write what it does in SQL")
    raise MigrationUnreadable(f"{where}: {command} is a command of psql, which does not run here; {instead}")
