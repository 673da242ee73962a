"""Rows that a script brings along, told from its other statements without PostgreSQL's parser.

A script of 50 MB is nearly all INSERTs; their trees would take minutes and gigabytes, and say nothing.
"""

from __future__ import annotations

import re

from nexus.migrations.migration import Migration
from nexus.migrations.statements import LARGE, Statement

_NAME = r'(?:"((?:[^"]|"")+)"|([A-Za-z_]\w*))'
_VALUES = re.compile(
    rf"INSERT\s+INTO\s+(?:{_NAME}\s*\.\s*)?{_NAME}\s*(?:\([^()]*\)\s*)?VALUES\b", re.IGNORECASE
)


def brings_data(migration: Migration) -> bool:
    """Whether a script is so large that it must be mostly data."""
    return len(migration.sql) > LARGE


def inserts_into(statement: Statement) -> tuple[str, str] | None:
    """The schema ("" = none told) and the table that a statement inserts values into; None: it does not."""
    found = _VALUES.match(statement.sql)
    if found is None or statement.batch is not None:
        return None
    schema, table = _unquoted(found[1], found[2]), _unquoted(found[3], found[4])
    return schema, table


def _unquoted(quoted: str | None, plain: str | None) -> str:
    return quoted.replace('""', '"') if quoted else (plain or "").lower()
