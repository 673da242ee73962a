"""Questions to the store: logs, traces, metrics (PromQL), health, SQL. They block; run them in a thread."""

from nexus.telemetry.query.errors import QueryError
from nexus.telemetry.query.health import health
from nexus.telemetry.query.logs import LogPage, LogQuery, logs
from nexus.telemetry.query.metrics import Series, instant, metrics
from nexus.telemetry.query.sql import Answer, sql
from nexus.telemetry.query.traces import trace, traces_of

__all__ = [
    "Answer",
    "LogPage",
    "LogQuery",
    "QueryError",
    "Series",
    "health",
    "instant",
    "logs",
    "metrics",
    "sql",
    "trace",
    "traces_of",
]
