"""PostgreSQL's log: files of JSON (`jsonlog`), and lines on stderr with the prefix that we configure
(`nexus.render.postgres`); lines of older settings (`%m [%p] %u@%d `) are read too.
"""

from __future__ import annotations

import re
from typing import Any

from nexus.telemetry.parsing import plain
from nexus.telemetry.parsing.plain import MOST_TEXT, iso

Record = dict[str, Any]

_LINE = re.compile(
    r"(?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}) (?:UTC|GMT) \[(?P<pid>\d+)(?:-(?P<number>\d+))?\]"
    r"(?: (?P<code>[0-9A-Z]{5}))?(?: (?P<user>\S*?)@(?P<db>\S*?)(?:/(?P<app>.*?))?)? "
    r"(?P<word>DEBUG\d?|LOG|INFO|NOTICE|WARNING|ERROR|FATAL|PANIC|DETAIL|HINT|CONTEXT|STATEMENT|QUERY"
    r"|LOCATION|BACKTRACE):  "
    r"(?P<text>.*)",
    re.DOTALL,
)
_PARTS = {
    "DETAIL": "detail",
    "HINT": "hint",
    "CONTEXT": "context",
    "STATEMENT": "db.query.text",
    "QUERY": "db.query.internal",
    "LOCATION": "code.location",
    "BACKTRACE": "exception.stacktrace",
}
_DURATION = re.compile(
    r"duration: (\d+\.\d+) ms(?:  (?:statement|parse [^:]*|bind [^:]*|execute [^:]*): (.*))?", re.DOTALL
)
_JSON_NAMES = {
    "user": "user.name",
    "dbname": "db.namespace",
    "remote_host": "client.address",
    "application_name": "application",
    "state_code": "db.response.status_code",
    "statement": "db.query.text",
    "internal_query": "db.query.internal",
    "detail": "detail",
    "hint": "hint",
    "context": "context",
    "backend_type": "backend",
    "query_id": "query_id",
}


def from_json(line: Record) -> Record:
    """A line of jsonlog as a record. Parameters of statements are not in it: we configure it so."""
    when = str(line.get("timestamp", ""))
    record: Record = {
        "ts": f"{when[:10]}T{when[11:23]}Z" if when.endswith(("UTC", "GMT")) else when,
        "level": str(line.get("error_severity", "log")).lower(),
        "message": line.get("message", ""),
        "pid": line.get("pid"),
    }
    for name, ours in _JSON_NAMES.items():
        value = line.get(name)
        if value not in (None, "", 0, "00000"):
            record[ours] = value
    return _timed(record)


class Joiner:
    """Joins what PostgreSQL's processes write to stderr between one another: a message, the lines that go on
    with it (they begin with a tab), and its DETAIL, HINT, CONTEXT and STATEMENT.
    """

    def __init__(self) -> None:
        self._last: dict[str, Record] = {}
        self._going_on: tuple[Record, str] | None = None
        self._open: list[Record] = []

    def add(self, line: str, records: list[Record]) -> bool:
        """Takes one line; whether it begins something new."""
        if line.startswith("\t") and self._going_on and len(self._going_on[0]["message"]) < MOST_TEXT:
            record, key = self._going_on
            record[key] = f"{record[key]}\n{line[1:]}"
            return False
        found = _LINE.match(line)
        if found is None:
            return self._begin(plain.entry(line), records) if line.strip() else False
        part = _PARTS.get(found["word"])
        owner = self._last.get(found["pid"])
        if part and owner is not None:
            owner[part] = found["text"]
            self._going_on = owner, part
            return False
        self._last[found["pid"]] = record = _begun(found)
        return self._begin(record, records)

    def close(self, records: list[Record]) -> None:
        """Completes what was added."""
        for record in self._open:
            _timed(record)
        self._open, self._going_on = [], None
        self._last.clear()

    def forget(self, records: list[Record]) -> None:
        """Takes the last record back: its lines will be taken again."""
        records.remove(self._open.pop())
        self.close(records)

    def _begin(self, record: Record, records: list[Record]) -> bool:
        records.append(record)
        self._open.append(record)
        self._going_on = record, "message"
        return True


def _begun(found: re.Match[str]) -> Record:
    record: Record = {
        "ts": iso(found["time"]),
        "level": found["word"].lower(),
        "message": found["text"],
        "pid": int(found["pid"]),
    }
    named = {
        "user.name": found["user"],
        "db.namespace": found["db"],
        "application": found["app"],
        "db.response.status_code": found["code"],
    }
    return record | {
        name: value for name, value in named.items() if value and value not in ("00000", "[unknown]")
    }


def _timed(record: Record) -> Record:
    found = _DURATION.match(str(record["message"]))
    if found:
        record["duration_ms"] = float(found[1])
        if found[2]:
            record.setdefault("db.query.text", found[2])
            record["message"] = f"slow statement: {' '.join(found[2].split())}"
    return record
