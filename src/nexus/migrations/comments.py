"""Blanks, comments and line ends, as PostgreSQL's scanner takes them (scan.l; manual, 4.1.5 Comments).

A comment after `--` ends at a line feed or a carriage return alone; comments in `/* */` nest. Only six
characters are blank: a no-break space is part of a name.
"""

from __future__ import annotations

import re

BLANKS = " \t\n\r\f\v"
_BLANK = re.compile(r"(?:[ \t\n\r\f\v]++|--[^\n\r]*+)*")
_EDGE = re.compile(r"/\*|\*/")


def skip(sql: str, position: int = 0, more: str = "") -> int:
    """Where the first character from `position` is that is neither blank, in a comment, nor in `more`."""
    while True:
        position = _end_of_blank(sql, position)
        if sql.startswith("/*", position):
            position = block_end(sql, position + 2)
        elif position < len(sql) and sql[position] in more:
            position += 1
        else:
            return position


def block_end(sql: str, position: int) -> int:
    """Where the block comment ends whose `/*` is right before `position`; without an end, that of all."""
    depth = 1
    while depth:
        edge = _EDGE.search(sql, position)
        if edge is None:
            return len(sql)
        depth += 1 if edge[0] == "/*" else -1
        position = edge.end()
    return position


def line_ends(text: str, start: int = 0, end: int | None = None) -> int:
    """How many lines end between two positions: at LF, CR LF or CR."""
    to = len(text) if end is None else end
    returns = text.count("\r", start, to)
    paired = text.count("\r\n", start, to) if returns else 0
    return text.count("\n", start, to) + returns - paired


def _end_of_blank(sql: str, position: int) -> int:
    found = _BLANK.match(sql, position)
    return found.end() if found else position
