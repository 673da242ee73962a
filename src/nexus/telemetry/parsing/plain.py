"""Lines of text: a time and a level where they have one, stack traces joined to one record."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, tzinfo
from typing import Any

from nexus.telemetry.parsing.names import LEVELS
from nexus.telemetry.parsing.times import moment

Record = dict[str, Any]
MOST_LINES = 500  # of one stack trace
MOST_TEXT = 256 << 10

_TIME = r"\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d| UTC| GMT)?"
_LEVEL = (
    r"(?i:trace|debug|info|information|notice|warn|warning|error|err|fatal|critical|crit|alert|emerg|panic"
    r"|severe)"
)
_HEAD = re.compile(
    rf"(?:\[?(?P<time>{_TIME})\]?\s+)?(?:(?P<level>{_LEVEL})(?=[\s:\]])[:\s]\s*|\[(?P<boxed>{_LEVEL})\]:?\s*)?"
)
# Lines that go on with what stands above: indented ones, and the words between the parts of a stack trace.
_GOES_ON = re.compile(
    r"[ \t]+\S|Caused by: |Traceback \(most recent call last\):|During handling of the above exception"
    r"|The above exception was the direct cause|\.\.\. \d+ (?:more|common frames)|[})\]]+[;,]?$"
)
# The line that ends a Python traceback: the exception itself.
_EXCEPTION = re.compile(r"(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:: |:?$)")
_TRACE = re.compile(
    r"^\s+at \S|^Traceback \(most recent|^\s+File \"|^Caused by: |^(?:\S+\.)?[A-Z]\w*(?:Error|Exception)\b",
    re.M,
)


def entry(line: str, zone: tzinfo | None = UTC) -> Record:
    """One line of text as a record. `zone` is that of times which name none; None is this machine's."""
    found = _HEAD.match(line)
    assert found is not None  # everything in it is optional
    when = moment(found["time"], zone) if found["time"] else None
    level = found["level"] or found["boxed"]
    body = line[found.end() :] if when or level else line
    return {
        "ts": when.isoformat() if when else None,
        "level": (level or "info").lower(),
        "message": body or line,
    }


class Joiner:
    """Puts lines that belong together into one record. `make` turns a first line into a record."""

    def __init__(self, make: Callable[[str], Record]) -> None:
        self._make = make
        self._lines: list[str] = []
        self._size = 0

    def add(self, line: str, records: list[Record]) -> bool:
        """Takes one line; whether it begins something new (then what was before is added to the records)."""
        if self._lines and self._continues(line):
            self._lines.append(line)
            self._size += len(line)
            return False
        self.close(records)
        if not line.strip():
            return False
        self._lines, self._size = [line], len(line)
        return True

    def close(self, records: list[Record]) -> None:
        """Adds what is open."""
        if self._lines:
            records.append(self._joined())
        self._lines = []

    def forget(self, records: list[Record]) -> None:
        """Leaves what is open: its lines will be taken again."""
        self._lines = []

    def _continues(self, line: str) -> bool:
        if len(self._lines) >= MOST_LINES or self._size + len(line) > MOST_TEXT:
            return False
        if _GOES_ON.match(line) or not line.strip():
            return True
        within = self._lines[-1][:1] in (" ", "\t") or not self._lines[-1].strip()
        return within and self._in_traceback() and _EXCEPTION.match(line) is not None

    def _in_traceback(self) -> bool:
        return any(line.startswith(("Traceback (", "  + Exception Group")) for line in self._lines)

    def _joined(self) -> Record:
        first, *others = self._lines
        record = self._make(first)
        if others:
            text = "\n".join((str(record["message"]), *others)).rstrip()
            record["message"] = text
            if LEVELS[record["level"]] < LEVELS["error"] and _TRACE.search(text):
                record["level"] = "error"
        return record


def iso(text: str) -> str | None:
    """A time of services (which run in UTC), as records have it; None when it is none."""
    when = moment(text)
    return when.isoformat() if when else None
