"""What writers call things: which key of a JSON line holds what, and OpenTelemetry's names for the rest.

Attribute names: https://opentelemetry.io/docs/specs/semconv/registry/attributes/.
"""

from __future__ import annotations

from typing import Any

from nexus.telemetry.records import DEBUG, ERROR, FATAL, INFO, TRACE, WARN

# Column -> the keys that may hold it; the first that a line has wins. Ours first, then pino's, bunyan's,
# zap's, structlog's, logstash's.
COLUMNS: dict[str, tuple[str, ...]] = {
    "time": ("ts", "time", "timestamp", "@timestamp", "datetime"),
    "severity": ("level", "severity", "levelname", "log.level", "lvl"),
    "service": ("service", "service.name"),
    "instance": ("instance", "service.instance.id"),
    "release": ("release", "service.version"),
    "body": ("message", "msg", "event", "body"),
    "trace_id": ("trace_id", "traceId", "trace.id"),
    "span_id": ("span_id", "spanId", "span.id"),
    "method": ("method", "http.request.method"),
    "path": ("path", "url.path"),
    "route": ("route", "http.route"),
    "status": ("status", "status_code", "statusCode", "http.response.status_code"),
    "duration_ms": ("ms", "duration_ms", "duration_s", "responseTime"),
}
SECONDS = "duration_s"

ATTRIBUTES = {
    "client": "client.address",
    "url": "url.full",
    "exception": "exception.stacktrace",
    "stack": "exception.stacktrace",
    "stacktrace": "exception.stacktrace",
    "pid": "process.pid",
    "hostname": "host.name",
}
PROXY_ATTRIBUTES = {
    **ATTRIBUTES,
    "agent": "user_agent.original",
    "bytes": "http.response.size",
    "subject": "user.id",
}
METHODS = frozenset("GET HEAD POST PUT PATCH DELETE OPTIONS TRACE CONNECT".split())

_WORDS = {
    TRACE: "trace finest verbose",
    DEBUG: "debug fine debug1 debug2 debug3 debug4 debug5",
    INFO: "info information informational notice log statement detail hint context",
    WARN: "warn warning",
    ERROR: "error err severe failure",
    FATAL: "fatal critical crit panic alert emerg emergency dpanic",
}
LEVELS: dict[object, int] = {
    spelled: number
    for number, words in _WORDS.items()
    for word in words.split()
    for spelled in (word, word.upper(), word.capitalize())
}


def severity(level: Any) -> int:
    """OpenTelemetry's number for a level: any writer's word, or pino's and bunyan's numbers (10 to 60)."""
    known = LEVELS.get(level) if isinstance(level, str) else None
    if known is not None:
        return known
    if isinstance(level, str):
        return LEVELS.get(level.strip().lower(), INFO)
    if isinstance(level, int | float) and not isinstance(level, bool) and level >= 10:
        return (TRACE, DEBUG, INFO, WARN, ERROR, FATAL)[min(int(level) // 10, 6) - 1]
    return INFO
