"""How two sides of a service answered, for the guard: asked about once a second."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from nexus.business.probing.identity import MARK
from nexus.control.collector.answers.asked import Asked
from nexus.control.collector.answers.subject import Subject, quoted, within
from nexus.releases.guard import SPAN, lasted
from nexus.telemetry.query.templates import ask_templates, text_of
from nexus.telemetry.records import ERROR
from nexus.telemetry.store.lifting import UUID

SIDES = ("stable", "candidate")
LEAST_TIMED = 20  # requests that a 95th percentile is taken from
MOST_MESSAGES = 3
LONGEST_MESSAGE = 200
_NONE: Mapping[str, Any] = dict.fromkeys(("requests", "errors", "refusals", "timed", "slow"), 0) | (
    dict.fromkeys(("p50_ms", "p95_ms", "p99_ms"))
)
_USER = f"replace({text_of('user.id')}, '{UUID}', coalesce(uuid, ''))"
_WHO = f"coalesce(nullif(nullif({_USER}, '-'), ''), {text_of('client.address')})"  # who has not logged in
_BROKEN = "ended IN ('S', 's')"  # HAProxy: the server broke off, or did not answer in time


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


class Parts(NamedTuple):
    """Both sides."""

    stable: Part
    candidate: Part

    @property
    def since(self) -> datetime:
        return min(self.stable.since, self.candidate.since)

    @property
    def until(self) -> datetime:
        return max(self.stable.until, self.candidate.until)

    @property
    def lines(self) -> str:
        """Lines of both sides, with their `side` and how they `ended`."""
        cases = " ".join(f"WHEN {part.chosen} THEN {quoted(part.name)}" for part in self)
        return (
            f"SELECT *, CASE {cases} END AS side, left({text_of('end')}, 1) AS ended"
            f" FROM (SELECT *, {text_of('backend')} AS backend FROM lines) WHERE side IS NOT NULL"
        )


def sides(subject: Subject, asked: Asked) -> dict[str, Any]:
    """How the backends `stable` and `candidate` of the `service` answered, by the access log of `gateway`:
    the latter since `since`, the former too, or from `stable_since` until `stable_until`.

    A request is slow when it took more than `tolerance` times the 95th percentile of the stable side on the
    same route and `slack_ms` besides. The first request on a route is not timed: it warms up. Requests of
    probes do not count. With `sticky`, each user counts once. `…_lasted`: see
    `nexus.releases.guard.lasting`. `messages` are the errors that instances of `release` logged. `behind`: by
    how many seconds taking in the access log is.
    """
    parts, service, release = _parts(asked), asked.must("service"), asked.one("release")
    requests = {row.pop("side"): row for row in _requests(subject, parts, asked)}
    calls = _calls(subject, parts, service)
    told = {name: {**_NONE, **requests.get(name, {}), "calls_failed": calls.get(name, 0)} for name in SIDES}
    messages = _messages(subject, service, release, parts.candidate) if release else []
    return {**told, "messages": messages, "behind": _behind(subject, asked.all("gateway"))}


def _behind(subject: Subject, gateways: tuple[str, ...]) -> float:
    sources = subject.parts().get("logs", {}).get("sources", {}).values()
    return max((each["behind_seconds"] for each in sources if each["service"] in gateways), default=0.0)


def _parts(asked: Asked) -> Parts:
    since, until = asked.window(timedelta(minutes=5))
    before = asked.time("stable_since") or since, asked.time("stable_until") or until
    stable = Part("stable", asked.must("stable"), *before)
    return Parts(stable, Part("candidate", asked.must("candidate"), since, until))


def _requests(subject: Subject, parts: Parts, asked: Asked) -> list[dict[str, Any]]:
    gateways = ", ".join(map(quoted, asked.all("gateway"))) or "''"
    tolerance, slack = asked.positive("tolerance", 1.5), asked.positive("slack_ms", 20.0)
    rows = ask_templates(
        subject.store,
        parts.since,
        parts.until,
        f"service IN ({gateways}) AND method IS NOT NULL AND status IS NOT NULL",
        _requests_sql(parts, tolerance, slack, sticky=asked.flag("sticky")),
    )
    for row in rows:
        row |= {
            f"{name}_lasted": lasted(row.pop(f"{name}_at") or {}) for name in ("errors", "refusals", "slow")
        }
    return rows


def _requests_sql(parts: Parts, tolerance: float, slack: float, sticky: bool) -> str:
    each_once = (
        "SELECT side, who, bool_or(failed) AS failed, bool_or(refused) AS refused, bool_or(timed) AS timed,"
        " bool_or(timed AND late) AS late, median(ms) AS ms, min(span) AS span FROM judged GROUP BY side, who"
    )
    return f""",
        told AS (
            SELECT side, time, (epoch(time) // {SPAN})::BIGINT AS span, duration_ms AS ms, {_WHO} AS who,
                   method || ' ' || regexp_replace(path, '/[^/]*[0-9\x02-\x04][^/]*', '/*', 'g') AS route,
                   status >= 500 OR {_BROKEN} AS failed,
                   status BETWEEN 400 AND 498 AND status <> 429 AS refused,
                   row_number() OVER (PARTITION BY side, route ORDER BY time) AS nth
            FROM ({parts.lines}) WHERE (status >= 100 OR {_BROKEN})
                AND NOT coalesce(starts_with(trace_id, {quoted(MARK)}), false)),
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
            FROM told LEFT JOIN usual USING (route) LEFT JOIN overall ON true)
        SELECT side, count(*) AS requests, count(*) FILTER (failed) AS errors,
               count(*) FILTER (refused AND NOT failed) AS refusals, count(*) FILTER (timed) AS timed,
               count(*) FILTER (timed AND late) AS slow, quantile_cont(ms, 0.5) AS p50_ms,
               quantile_cont(ms, 0.95) AS p95_ms, quantile_cont(ms, 0.99) AS p99_ms,
               histogram(span) FILTER (failed) AS errors_at,
               histogram(span) FILTER (refused AND NOT failed) AS refusals_at,
               histogram(span) FILTER (timed AND late) AS slow_at
        FROM ({each_once if sticky else "SELECT * FROM judged"}) GROUP BY side"""


def _calls(subject: Subject, parts: Parts, service: str) -> dict[str, int]:
    """Requests from module to module have a line when they fail, and that says no method."""
    rows = ask_templates(
        subject.store,
        parts.since,
        parts.until,
        f"service = {quoted(service)} AND method IS NULL AND status >= 500",
        f" SELECT side, count(*) AS calls FROM ({parts.lines}) GROUP BY side",
    )
    return {row["side"]: row["calls"] for row in rows}


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
