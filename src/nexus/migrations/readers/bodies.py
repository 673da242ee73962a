"""Tables that the text of a function names with their schema."""

from __future__ import annotations

import re
from collections.abc import Iterator

from nexus.migrations.effects.effect import Table
from nexus.migrations.effects.scene import SYSTEM

_NAME = r'(?:"([^"]+)"|([a-z_][\w$]*))'
_TABLE = re.compile(
    rf"\b(?:FROM|JOIN|UPDATE|INTO|USING|TABLE|ONLY|MERGE\s+INTO)\s+{_NAME}\s*\.\s*{_NAME}", re.IGNORECASE
)


def tables_in(body: str) -> Iterator[Table]:
    """Each table once, as it is named after FROM, JOIN, UPDATE and their like."""
    seen: set[Table] = set()
    for schema, plain_schema, name, plain_name in _TABLE.findall(body):
        table = Table(schema or plain_schema.lower(), name or plain_name.lower())
        if table not in seen and table.schema not in SYSTEM:
            seen.add(table)
            yield table
