"""Valkey's and Redis' lines: `pid:role day month year time level message`."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from nexus.telemetry.parsing import plain

_LINE = re.compile(
    r"(\d+):([A-Z]) (\d\d? [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d\.\d{3}) ([.\-*#]) (.*)", re.DOTALL
)
_LEVELS = {".": "debug", "-": "debug", "*": "info", "#": "warn"}
_ROLES = {"M": "primary", "S": "replica", "C": "child", "X": "sentinel"}


def entry(line: str) -> dict[str, Any]:
    """One line as a record."""
    found = _LINE.match(line)
    if found is None:
        return plain.entry(line)
    pid, role, when, level, message = found.groups()
    return {
        "ts": datetime.strptime(when, "%d %b %Y %H:%M:%S.%f").replace(tzinfo=UTC).isoformat(),
        "level": _LEVELS[level],
        "message": message,
        "pid": int(pid),
        "role": _ROLES.get(role, role),
    }
