"""One writer's lines, as rows: JSON in bulk, everything else line by line."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from typing import Any

import orjson
import pyarrow as pa

from nexus.telemetry.parsing import plain, postgres, proxies, valkey
from nexus.telemetry.parsing.columns import Record, Writer, table
from nexus.telemetry.parsing.shapes import Shapes
from nexus.telemetry.targets import LogFormat, LogSource

LONGEST = 256 << 10  # bytes of one line that are kept
CONTROL = "control"  # the platform's own log: the only one whose times are in this machine's zone


class Parser:
    """Parses what one source writes. It keeps nothing between two calls."""

    def __init__(self, source: LogSource) -> None:
        self._format: LogFormat = source.format
        proxy = source.format in ("haproxy", "nginx")
        self._shapes = Shapes(proxy)
        self._writer = Writer(
            source.service, source.instance, source.release, trusted=source.format == "haproxy"
        )
        zone = None if source.service == CONTROL else UTC
        self._make = _maker(source.format, zone)

    def parse(
        self, lines: list[bytes], observed: datetime, final: bool = True
    ) -> tuple[pa.Table | None, int]:
        """The rows of these lines, and how many lines they are made of.

        Unless `final`, the last lines may be left when others that belong to them can still come.
        """
        records: list[Record] = []
        left = 0
        try:
            if max(map(len, lines), default=0) > LONGEST:
                raise ValueError
            records = self._all_known(list(map(orjson.loads, lines)))
        except (ValueError, TypeError):
            records = []
            left = self._one_by_one(lines, records, final)
        if not records:
            return None, len(lines) - left
        return table(records, self._shapes, self._writer, observed), len(lines) - left

    def unparsed(self, lines: list[bytes], observed: datetime) -> pa.Table:
        """One row a line, its text as it is, masked."""
        records = [{"message": _text(line[:LONGEST])} for line in lines]
        return table(records, self._shapes, self._writer, observed)

    def _all_known(self, found: list[Any]) -> list[Record]:
        """JSON lines as records.

        Raises:
            TypeError: one of them is no object.
        """
        if self._format in ("postgres", "nginx") or set(map(type, found)) != {dict} or not all(found):
            return [self._known(each) for each in found]
        return found

    def _known(self, found: Any) -> Record:
        """A JSON line as a record.

        Raises:
            TypeError: it is no object.
        """
        if type(found) is not dict or not found:
            raise TypeError
        if self._format == "postgres" and "error_severity" in found:
            return postgres.from_json(found)
        if self._format == "nginx" and "traceparent" in found:
            return proxies.traced(found)
        return found

    def _one_by_one(self, lines: list[bytes], records: list[Record], final: bool) -> int:
        """Adds the records; returns how many lines at the end are left."""
        joiner: plain.Joiner | postgres.Joiner
        joiner = postgres.Joiner() if self._format == "postgres" else plain.Joiner(self._make)
        begun = len(lines)  # the first line of the record that may still go on
        for index, raw in enumerate(lines):
            line = raw.strip(b"\0\r")
            record = self._json(line)
            if record is None and len(line) > LONGEST:
                record = {**self._make(_text(line[:LONGEST])), "cut": True}
            if record is not None:
                joiner.close(records)
                records.append(record)
                begun = len(lines)
            elif joiner.add(_text(line), records):
                begun = index
        if final or begun == len(lines):
            joiner.close(records)
            return 0
        joiner.forget(records)
        return len(lines) - begun

    def _json(self, line: bytes) -> Record | None:
        if line[:1] != b"{" or len(line) > LONGEST:
            return None
        found = self._read(line)
        return self._read(line.decode("utf-8", "replace")) if found is None else found

    def _read(self, text: bytes | str) -> Record | None:
        """The record of a JSON object; None for a line that is none, which is then kept as plain text."""
        try:
            return self._known(orjson.loads(text))
        except (ValueError, TypeError):
            return None


def _text(line: bytes) -> str:
    return line.decode("utf-8", "replace").replace("\0", "\ufffd")


def _maker(format: LogFormat, zone: tzinfo | None) -> Callable[[str], Record]:
    if format == "valkey":
        return valkey.entry
    if format == "haproxy":
        return proxies.haproxy
    if format == "nginx":
        return proxies.nginx
    return lambda line: plain.entry(line, zone)
