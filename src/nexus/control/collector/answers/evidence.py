"""How two sides of a service answered, for the guard: asked about once a second."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from nexus.business.probing.identity import MARK
from nexus.control.collector.answers.asked import Asked
from nexus.control.collector.answers.subject import Subject, quoted, within
from nexus.telemetry.records import ERROR

SIDES = ("stable", "candidate")
LEAST_TIMED = 20  # requests that a 95th percentile is taken from
MOST_MESSAGES = 3
LONGEST_MESSAGE = 200
_STEPS = "'/[^/]*[0-9][^/]*', '/*', 'g'"  # a part of a path with a digit is an id
_NONE: Mapping[str, Any] = dict.fromkeys(("requests", "errors", "refusals", "timed", "slow"), 0) | (
    dict.fromkeys(("p50_ms", "p95_ms", "p99_ms"))
)


class Part(NamedTuple):
    """One side: what stands behind the gateway for it, and when it is looked at."""

    name: str
    backend: str
    since: datetime
    until: datetime

    @property
    def chosen(self) -> str:
        """A condition on a line and its `backend`."""
        return f"(backend = {quoted(self.backend)} AND {within(self.since, self.until)})"


def sides(subject: Subject, asked: Asked) -> dict[str, Any]:
    """How the backends `stable` and `candidate` of the `service` answered, by the access log of `gateway`:
    the latter since `since`, the former too, or from `stable_since` until `stable_until`.

    A request is slow when it took more than `tolerance` times the 95th percentile of the stable side on the
    same route and `slack_ms` besides. The first request on a route is not timed: it warms up. Requests of
    probes do not count. With `sticky`, each user counts once. `messages` are the errors that instances of
    `release` logged.
    """
    parts = _parts(asked)
    limits = asked.positive("tolerance", 1.5), asked.positive("slack_ms", 20.0)
    rows = {row.pop("side"): row for row in subject.rows(_requests(parts, asked, *limits))}
    calls = {row["side"]: row["calls"] for row in subject.rows(_calls(parts, asked.must("service")))}
    told = {name: {**_NONE, **rows.get(name, {}), "calls_failed": calls.get(name, 0)} for name in SIDES}
    release = asked.one("release")
    return {
        **told,
        "messages": _messages(subject, asked.must("service"), release, parts[1]) if release else [],
    }


def _parts(asked: Asked) -> tuple[Part, Part]:
    since, until = asked.window(timedelta(minutes=5))
    before = asked.time("stable_since") or since, asked.time("stable_until") or until
    return Part("stable", asked.must("stable"), *before), Part(
        "candidate", asked.must("candidate"), since, until
    )


def _side(parts: Iterable[Part]) -> str:
    cases = " ".join(f"WHEN {part.chosen} THEN {quoted(part.name)}" for part in parts)
    return f"CASE {cases} END"


def _lines(parts: tuple[Part, Part], columns: str, which: str) -> str:
    """Lines of both sides, with their `side`."""
    since, until = min(part.since for part in parts), max(part.until for part in parts)
    return (
        f"SELECT *, {_side(parts)} AS side FROM (SELECT time, {columns},"
        " json_extract_string(attributes, '$.backend') AS backend"
        f" FROM logs WHERE {within(since, until)} AND {which}) WHERE side IS NOT NULL"
    )


def _requests(parts: tuple[Part, Part], asked: Asked, tolerance: float, slack: float) -> str:
    gateways = ", ".join(map(quoted, asked.all("gateway")))
    columns = (
        f"method || ' ' || regexp_replace(coalesce(path, ''), {_STEPS}) AS route, status, duration_ms AS ms,"
        " left(json_extract_string(attributes, '$.end'), 1) AS ended,"
        " coalesce(nullif(json_extract_string(attributes, '$.\"user.id\"'), '-'),"
        " json_extract_string(attributes, '$.\"client.address\"'), '') AS who"
    )
    which = (
        f"service IN ({gateways}) AND method IS NOT NULL AND status IS NOT NULL"
        f" AND NOT coalesce(starts_with(trace_id, {quoted(MARK)}), false)"
    )
    per_user = asked.flag("sticky")
    counted = (
        "SELECT side, who, bool_or(failed) AS failed, bool_or(refused) AS refused, bool_or(timed) AS timed,"
        " bool_or(timed AND late) AS late, min(ms) AS ms FROM judged GROUP BY side, who"
        if per_user
        else "SELECT * FROM judged"
    )
    return f"""
        WITH lines AS ({_lines(parts, columns, which)}),
        told AS (
            SELECT *, status >= 500 OR ended IN ('S', 's') AS failed,
                   status BETWEEN 400 AND 498 AND status <> 429 AS refused,
                   row_number() OVER (PARTITION BY side, route ORDER BY time) AS nth
            FROM lines WHERE status >= 100 OR ended IN ('S', 's')),
        usual AS (
            SELECT route, quantile_cont(ms, 0.95) AS p95 FROM told WHERE side = 'stable' AND NOT failed
            GROUP BY route HAVING count(*) >= {LEAST_TIMED}),
        overall AS (
            SELECT quantile_cont(ms, 0.95) AS p95 FROM told WHERE side = 'stable' AND NOT failed
            HAVING count(*) >= {LEAST_TIMED}),
        judged AS (
            SELECT told.*, coalesce(usual.p95, overall.p95) AS usual_ms,
                   NOT failed AND nth > 1 AND usual_ms IS NOT NULL AS timed,
                   ms > {tolerance} * usual_ms + {slack} AS late
            FROM told LEFT JOIN usual USING (route) LEFT JOIN overall ON true),
        counted AS ({counted})
        SELECT side, count(*) AS requests, count(*) FILTER (failed) AS errors,
               count(*) FILTER (refused AND NOT failed) AS refusals, count(*) FILTER (timed) AS timed,
               count(*) FILTER (timed AND late) AS slow, quantile_cont(ms, 0.5) AS p50_ms,
               quantile_cont(ms, 0.95) AS p95_ms, quantile_cont(ms, 0.99) AS p99_ms
        FROM counted GROUP BY side"""


def _calls(parts: tuple[Part, Part], service: str) -> str:
    """Requests from module to module have a line when they fail, and that says no method."""
    which = f"service = {quoted(service)} AND method IS NULL AND status >= 500"
    return f"SELECT side, count(*) AS calls FROM ({_lines(parts, 'status', which)}) GROUP BY side"


def _messages(subject: Subject, service: str, release: str, part: Part) -> list[dict[str, Any]]:
    """The most frequent errors: the last line of the exception, or else the message; numbers do not count."""
    text = "coalesce(nullif(regexp_extract(trim(stack, chr(10)), '[^\\n]*$'), ''), body)"
    lines = (
        "SELECT body, json_extract_string(nullif(attributes, ''), '$.\"exception.stacktrace\"') AS stack"
        f" FROM logs WHERE {within(part.since, part.until)} AND service = {quoted(service)}"
        f" AND release = {quoted(release)} AND severity >= {ERROR}"
    )
    return subject.rows(
        f"SELECT any_value(left(text, {LONGEST_MESSAGE})) AS text, count(*) AS count"
        f" FROM (SELECT {text} AS text FROM ({lines}))"
        " GROUP BY regexp_replace(text, '[0-9a-f-]*[0-9][0-9a-f-]*', '#', 'g') ORDER BY count DESC"
        f" LIMIT {MOST_MESSAGES}"
    )
