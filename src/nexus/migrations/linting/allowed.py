"""What an author allows on purpose: `-- nexus: allow=rule because REASON`, right before a statement."""

from __future__ import annotations

import re

from nexus.migrations.declared import LINE
from nexus.migrations.errors import MigrationUnreadable

_ALLOW = re.compile(r"^allow\s*=\s*(.*)$")
_TOLD = re.compile(r"^([a-z][a-z0-9-]*(?:\s*,\s*[a-z][a-z0-9-]*)*)\s+because\s+(\S.*)$")


def allowed(comments: str, place: str) -> dict[str, str]:
    """Rule → why its findings on the statement below these comments do not count.

    Raises:
        MigrationUnreadable: no rule is named, or no reason is given.
    """
    found: dict[str, str] = {}
    for line in comments.splitlines():
        told = LINE.match(line.strip())
        allow = _ALLOW.match(told[1].strip()) if told else None
        if allow is None:
            continue
        match = _TOLD.match(allow[1].strip())
        if match is None:
            raise MigrationUnreadable(
                f"{place}: {line.strip()!r} gives no reason; write `-- nexus: allow=RULE because REASON`"
            )
        found |= dict.fromkeys(re.split(r"\s*,\s*", match[1]), match[2].strip())
    return found
