"""How each signal lies in its files: tables, how rows go in, and how they are seen again."""

from __future__ import annotations

from dataclasses import dataclass, replace

from nexus.telemetry.records import Signal
from nexus.telemetry.store.lifting import NO_PATH, lift, lifted_back

CHECKPOINTS = "checkpoints(key VARCHAR, text VARCHAR, seq BIGINT)"


def _to_uuid(text: str) -> str:
    return f"TRY_CAST({text} AS UUID)"


def _from_uuid(column: str) -> str:
    return f"replace({column}::VARCHAR, '-', '')"


def _to_span(text: str) -> str:
    return f"TRY_CAST('0x' || {text} AS UBIGINT)"


@dataclass(frozen=True)
class Layout:
    """One signal's tables (`rows` first). `insert` is SQL that makes rows of the relation `batch` (what is to
    be appended, and `seq`), `view` shows `{rows}` of the database `{db}`, `order` sorts sealed files.
    """

    tables: tuple[str, ...]
    insert: str
    view: str
    order: str
    block: int = 262_144  # bytes; small blocks for files that stay small
    monthly: bool = False


_LOGS = Layout(
    tables=(
        "rows(seq BIGINT, time TIMESTAMP, observed TIMESTAMP, severity TINYINT, service VARCHAR,"
        " instance VARCHAR, release VARCHAR, trace_id UUID, span_id UBIGINT, method VARCHAR, route VARCHAR,"
        " status SMALLINT, duration_ms FLOAT, text VARCHAR, uuid UUID, hex UUID, second UUID,"
        " numbers BIGINT[], raw BOOLEAN)",
        CHECKPOINTS,
    ),
    insert=f"""SELECT seq, time, observed, severity, service, instance, release, {_to_uuid("trace_id")},
        {_to_span("span_id")}, method, route, status, duration_ms, text, uuid, hex, second, numbers, raw
        FROM ({lift("batch")})""",
    view=f"""SELECT * EXCLUDE (whole), nullif(split_part(whole, '\n', 1), '{NO_PATH}') AS path,
        split_part(whole, '\n', 2) AS attributes,
        substr(whole, strpos(whole, '\n') + length(split_part(whole, '\n', 2)) + 2) AS body
        FROM (SELECT seq, time, observed, severity, service, instance, release,
        {_from_uuid("trace_id")} AS trace_id, printf('%016x', span_id) AS span_id, method, route, status,
        duration_ms, {lifted_back()} AS whole FROM {{rows}})""",
    order="time, seq",
)
_TRACES = Layout(
    tables=(
        "rows(seq BIGINT, time TIMESTAMP, duration_us BIGINT, trace_id UUID, span_id UBIGINT,"
        " parent_id UBIGINT, service VARCHAR, instance VARCHAR, release VARCHAR, name VARCHAR, kind VARCHAR,"
        " status VARCHAR, attributes VARCHAR, events VARCHAR, links VARCHAR)",
        CHECKPOINTS,
    ),
    insert=f"""SELECT seq, time, duration_us, {_to_uuid("trace_id")}, {_to_span("span_id")},
        {_to_span("parent_id")}, service, instance, release, name, kind, status, attributes, events, links
        FROM batch""",
    view=f"""SELECT seq, time, duration_us, {_from_uuid("trace_id")} AS trace_id,
        printf('%016x', span_id) AS span_id, printf('%016x', parent_id) AS parent_id, service, instance,
        release, name, kind, status, attributes, events, links FROM {{rows}}""",
    order="time, seq",
)
_POINTS = Layout(
    tables=(
        "rows(seq BIGINT, time TIMESTAMP, series INTEGER, value DOUBLE)",
        CHECKPOINTS,
        "series(id INTEGER, name VARCHAR, labels VARCHAR, kind VARCHAR)",
    ),
    insert="SELECT seq, time, series, value FROM batch",
    view="SELECT seq, time, name, labels, kind, value FROM {rows} JOIN {db}.series ON series = id",
    order="series, time, seq",
    block=16_384,
)
_HEALTH = Layout(
    tables=(
        "rows(seq BIGINT, time TIMESTAMP, service VARCHAR, instance VARCHAR, question VARCHAR, ok BOOLEAN,"
        " duration_ms FLOAT, detail VARCHAR)",
        CHECKPOINTS,
    ),
    insert="SELECT seq, time, service, instance, question, ok, duration_ms, detail FROM batch",
    view="SELECT * FROM {rows}",
    order="time, seq",
    block=16_384,
)

LAYOUTS: dict[Signal, Layout] = {
    "logs": _LOGS,
    "traces": _TRACES,
    "metrics": _POINTS,
    "health": _HEALTH,
    "business": replace(_POINTS, monthly=True),
}


def view(signal: Signal, database: str, rows: str = "") -> str:
    """SQL that shows the rows of an attached file in a friendly shape.

    `rows` is a relation of rows as they lie in the file; without it all of them are shown.
    """
    sql = LAYOUTS[signal].view
    return sql.replace("{rows}", rows or f"{database}.rows").replace("{db}", database)
