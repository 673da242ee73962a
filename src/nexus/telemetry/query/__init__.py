"""Questions to the store: logs, traces, metrics (PromQL), health, SQL. They block; run them in a thread."""

from nexus.telemetry.query.errors import QueryError
from nexus.telemetry.query.logs import LogPage, LogQuery, logs

__all__ = ["LogPage", "LogQuery", "QueryError", "logs"]
