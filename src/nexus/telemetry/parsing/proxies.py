"""What HAProxy and Nginx write beside their access lines."""

from __future__ import annotations

import re
from typing import Any

from nexus.telemetry.parsing import plain

_HAPROXY = re.compile(r"\[([A-Z]+)\]\s+\(?(?:(\d+)\)?|\d+/\d+ \(\d+\)) : (.*)", re.DOTALL)
_NGINX = re.compile(r"(\d{4}/\d\d/\d\d \d\d:\d\d:\d\d) \[(\w+)\] (\d+)#\d+: (?:\*(\d+) )?(.*)", re.DOTALL)
_NGINX_FIELD = re.compile(r", (client|request|upstream|host|referrer): (\"[^\"]*\"|[^,\s]+)")


def haproxy(line: str) -> dict[str, Any]:
    """One line of HAProxy's own."""
    found = _HAPROXY.match(line)
    if found is None:
        return plain.entry(line)
    level, pid, message = found.groups()
    return {"level": level.lower(), "message": message, **({"pid": int(pid)} if pid else {})}


def nginx(line: str) -> dict[str, Any]:
    """One line of Nginx's error log; what it says of the request becomes fields."""
    found = _NGINX.match(line)
    if found is None:
        return plain.entry(line)
    when, level, pid, connection, message = found.groups()
    record: dict[str, Any] = {"ts": plain.iso(when), "level": level, "message": message, "pid": int(pid)}
    if connection:
        record["connection"] = int(connection)
    fields = {name: value.strip('"') for name, value in _NGINX_FIELD.findall(message)}
    request = fields.pop("request", "").split(" ")
    if len(request) == 3:
        record["method"], record["path"] = request[0], request[1].partition("?")[0]
    return {**record, **fields}


def traced(record: dict[str, Any]) -> dict[str, Any]:
    """An access line with the trace that its `traceparent` names."""
    parts = str(record.pop("traceparent", "")).split("-")
    if len(parts) == 4 and "trace_id" not in record:
        record["trace_id"], record["span_id"] = parts[1], parts[2]
    return record
