"""Logs: one JSON object per line on stdout, the same members for every line."""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime
from typing import Any

import orjson

from nexus_kit.settings import Settings
from nexus_kit.tracing import current_span_id, current_trace_id

_PLAIN = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName", "color_message"}


class JsonHandler(logging.Handler):
    """Writes a record as one JSON line: ts, level, service, release, instance, message, trace_id, span_id,
    fields.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self._who = {
            "service": settings.service,
            "release": settings.release,
            "instance": settings.instance,
        }
        self._format = logging.Formatter()

    def emit(self, record: logging.LogRecord) -> None:
        line: dict[str, Any] = {
            "ts": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            **self._who,
            "message": record.getMessage(),
            "trace_id": current_trace_id(),
            "span_id": current_span_id(),
        }
        if record.name != "nexus":
            line["logger"] = record.name
        for key, value in record.__dict__.items():
            if key not in _PLAIN:
                line[key] = value
        if record.exc_info:
            line["exception"] = self._format.formatException(record.exc_info)
        try:
            text = orjson.dumps(line, default=str, option=orjson.OPT_NON_STR_KEYS)
        except (TypeError, orjson.JSONEncodeError):
            text = orjson.dumps({key: repr(value) for key, value in line.items()})
        try:
            sys.stdout.buffer.write(text + b"\n")
            sys.stdout.buffer.flush()
        except (OSError, ValueError):
            self.handleError(record)


def configure(settings: Settings) -> None:
    """Send all logging of this process through one JsonHandler."""
    root = logging.getLogger()
    root.handlers[:] = [JsonHandler(settings)]
    root.setLevel(logging.INFO)
    for noisy in ("uvicorn.error", "uvicorn", "asyncio"):
        logger = logging.getLogger(noisy)
        logger.handlers[:] = []
        logger.propagate = True
        logger.setLevel(logging.WARNING)


log = logging.getLogger("nexus")
