"""A script as its statements, each with its line; PostgreSQL's own scanner finds where they end."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from pglast import parse_sql
from pglast.error import Error
from pglast.parser import ParseError, split

from nexus.migrations.comments import BLANKS, line_ends, skip
from nexus.migrations.declared import batch_of
from nexus.migrations.errors import MigrationUnreadable
from nexus.migrations.migration import Migration

SHORT = 1 << 16  # characters
LARGE = 1 << 20  # characters; a statement beyond is data, and its tree would take gigabytes
_ATOMIC = re.compile(r"\bBEGIN\s+ATOMIC\b", re.IGNORECASE)  # a body in which only the parser knows the ends


@dataclass(frozen=True)
class Statement:
    """One statement of a script: `number` from 1, `line` of its first word, `sql` without what precedes it.

    `batch`: rows at a time, where its author asked for it.
    """

    number: int
    line: int
    sql: str = field(repr=False)
    place: str
    batch: int | None = None

    @cached_property
    def tree(self) -> Any:
        """PostgreSQL's parse tree of it (pglast); None for one that is too large to be looked at.

        Raises:
            MigrationUnreadable: PostgreSQL's parser refuses it.
        """
        if len(self.sql) > LARGE:
            return None
        try:
            return parse_sql(self.sql)[0].stmt
        except ParseError as error:
            raise self._refused(error) from error

    def check(self) -> None:
        """Let PostgreSQL's parser read it, without its tree: a tenth of the time.

        Raises:
            MigrationUnreadable: it is refused.
        """
        if "tree" in self.__dict__ or len(self.sql) > LARGE:
            return
        try:
            split(self.sql, with_parser=True, only_slices=True)
        except ParseError as error:
            raise self._refused(error) from error

    def _refused(self, error: ParseError) -> MigrationUnreadable:
        position = int(error.args[1] or 0) if len(error.args) > 1 else 0
        return refused(self.place, self.line + line_ends(self.sql, 0, position), error)

    @property
    def head(self) -> str:
        """Its first words, in one line of at most 80 characters."""
        text = " ".join(self.sql[:400].split())
        return text if len(text) <= 80 else f"{text[:77]}..."


def statements(migration: Migration) -> tuple[Statement, ...]:
    """The statements of a script, none of them parsed yet.

    Raises:
        MigrationUnreadable: PostgreSQL's scanner cannot tell where they end.
    """
    sql, place = migration.sql, migration.place
    try:
        slices = _slices(sql)
    except (ParseError, Error) as error:
        position = int(error.args[1] or 0) if len(error.args) > 1 else 0
        raise refused(place, 1 + line_ends(sql, 0, position), error) from error
    found: list[Statement] = []
    line, counted = 1, 0
    for each in _whole(sql, slices):
        text = sql[each]
        begin = skip(text)
        if begin == len(text):
            continue
        start = each.start + begin
        line, counted = line + line_ends(sql, counted, start), start
        batch = batch_of(text[:begin], f"{place}:{line}") if begin else None
        found.append(Statement(len(found) + 1, line, text[begin:], place, batch))
    return tuple(found)


def _slices(sql: str) -> Iterable[slice]:
    """Where the statements are, as the scanner says, with the comments before them.

    The parser says it sooner, without the comments, of scripts that are short and that it understands.
    """
    if not sql.strip(BLANKS):
        return ()
    if _ATOMIC.search(sql):
        return tuple(split(sql, with_parser=True, only_slices=True))
    if len(sql) <= SHORT and "nexus:" not in sql:
        with suppress(ParseError, Error):
            return tuple(split(sql, with_parser=True, only_slices=True))
    return tuple(split(sql, with_parser=False, only_slices=True))


def _whole(sql: str, slices: Iterable[slice]) -> Iterator[slice]:
    """The slices, and what lies between them where it is more than comments.

    The scanner leaves out what has no keyword in it, such as a misspelt statement; that must be refused and
    not passed over.
    """
    end = 0
    for each in (*slices, slice(len(sql), len(sql))):
        begin = skip(sql, end, more=";")
        if begin < each.start:
            yield slice(begin, each.start)
        if each.start < each.stop:
            yield each
        end = each.stop


def refused(place: str, line: int, error: Exception) -> MigrationUnreadable:
    """What is told of SQL that PostgreSQL's parser refuses."""
    what = str(error.args[0]) if error.args else str(error)
    return MigrationUnreadable(f"{place}:{line}: PostgreSQL's parser refuses it: {what}")
