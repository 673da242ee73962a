"""Log lines for people: one line each, stack traces folded."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from nexus.cli import times
from nexus.cli.language import t
from nexus.cli.paint import LEVELS, Paint, harmless

_SHORT = 8  # of a trace's id
_FOLDED_FROM = 4  # lines: shorter ones are shown as they are
_WRITERS_OWN = "process."  # attributes that say nothing about what happened
_SEVERITIES = ((21, "fatal"), (17, "error"), (13, "warn"), (9, "info"), (5, "debug"))


def level(severity: int) -> str:
    """The name of an OpenTelemetry severity number."""
    return next((name for least, name in _SEVERITIES if severity >= least), "trace")


class LogView:
    """Draws rows of the log one after the other. `full` shows every line and attribute of them."""

    def __init__(self, paint: Paint, full: bool = False) -> None:
        self._paint = paint
        self._full = full
        self._width = 0
        self._instances: dict[str, set[str]] = {}

    def expect(self, rows: list[dict[str, Any]]) -> None:
        """Learns how wide the writers' names are, so that what follows is aligned."""
        for row in rows:
            self._instances.setdefault(row["service"], set()).add(row["instance"])
        for row in rows:
            self._width = max(self._width, len(self._writer(row)))

    def draw(self, row: Mapping[str, Any]) -> str:
        """One row as text, without the last line's end."""
        self.expect([dict(row)])
        paint, name = self._paint, level(row["severity"])
        first, *more = _told(row, self._full)
        parts = [
            paint(times.local(times.read(row["time"]), fine=True), dim=True),
            paint.service(row["service"], f"{self._writer(row):<{self._width}}"),
            paint(f"{name:<5}", LEVELS[name], dim=LEVELS[name] is None),
            self._request(row) if row["method"] and row["path"] else paint(first, LEVELS[name]),
        ]
        attributes = "" if row["method"] and not self._full else " ".join(_pairs(row, self._full))
        parts.append(paint(attributes, dim=True))
        if row["trace_id"]:
            parts.append(paint(row["trace_id"] if self._full else row["trace_id"][:_SHORT], dim=True))
        lines = [" ".join(part for part in parts if part), *(f"    {line}" for line in more)]
        return "\n".join(lines)

    def _writer(self, row: Mapping[str, Any]) -> str:
        """The service; the instance where more than one of it was seen."""
        several = len(self._instances.get(row["service"], ())) > 1
        return str(row["instance"] if several and row["instance"] else row["service"])

    def _request(self, row: Mapping[str, Any]) -> str:
        status = row["status"]
        colour = None if not status or status < 400 else "yellow" if status < 500 else "red"
        text = f"{row['method']} {harmless(row['path'])} {self._paint(str(status or '-'), colour)}"
        spent = row["duration_ms"]
        return text if spent is None else f"{text} {times.lasting(spent / 1000)}"


def _told(row: Mapping[str, Any], full: bool) -> list[str]:
    """The message, then the lines of texts that have several, such as stack traces."""
    body = row["body"].splitlines() or [""]
    texts = [value.splitlines() for value in row["attributes"].values() if _long(value)]
    lines = [*folded(body, full), *(line for text in texts for line in folded(text, full))]
    return [harmless(line) for line in lines]


def folded(lines: list[str], full: bool = False) -> list[str]:
    """The first and the last line, and how many are between them; everything when `full`."""
    if full or len(lines) < _FOLDED_FROM:
        return lines
    return [lines[0], _left_out(len(lines) - 2), lines[-1]]


def _left_out(count: int) -> str:
    return t("… {count} lines (--full shows them)", count=count)


def _long(value: Any) -> bool:
    return isinstance(value, str) and "\n" in value


def _pairs(row: Mapping[str, Any], full: bool) -> Iterator[str]:
    for name, value in row["attributes"].items():
        if value is None or value == "" or _long(value) or (name.startswith(_WRITERS_OWN) and not full):
            continue
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        yield f"{harmless(name)}={json.dumps(text, ensure_ascii=False) if ' ' in text else harmless(text)}"
