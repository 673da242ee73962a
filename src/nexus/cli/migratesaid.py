"""What happens within a migration, as one line in the operator's language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nexus.cli.amounts import number
from nexus.cli.language import t
from nexus.cli.paint import harmless
from nexus.cli.times import lasting

ACTIONS = {  # what steps do, in words
    "migrate-one": "migrate",
    "resolve-applied": "record as applied",
    "resolve-rolled-back": "record as rolled back",
    "resolve-resume": "record as to go on",
    "resolve-edited": "record as edited",
    "baseline": "baseline",
}


def said(event: Mapping[str, Any]) -> str:
    """An event `told` as a line; "" for what needs none."""
    kind, detail = event["kind"], event["detail"]
    if kind in ("started", "finished"):
        return ""
    if kind == "restore-point" and detail.get("name"):
        return t("restore point {name} at {lsn}", name=detail["name"], lsn=detail["lsn"])
    if kind == "waiting" and detail.get("blockers"):
        return t("line {line}: waiting for {who}", line=event["line"], who=sessions(detail["blockers"]))
    if kind == "gave-way":
        return t(
            "line {line}: gave way, {who} waited for {table}; it is tried again",
            line=event["line"],
            who=sessions(detail["waiters"]),
            table=detail["table"] or "?",
        )
    if kind in ("progress", "batch"):
        return _far(event)
    if kind == "proving":
        return t(event["sentence"])
    return harmless(event["sentence"])


def sessions(told: Sequence[Mapping[str, Any]]) -> str:
    """Sessions of others, each by its process id."""
    return "; ".join(map(session, told))


def session(told: Mapping[str, Any]) -> str:
    """Whose session: `pid 4711 (psql, user bob, idle in transaction for 9 min: SELECT ...)`."""
    if not told["pid"]:
        return t("a prepared transaction (see pg_prepared_xacts)")
    who = [told["application"]] if told["application"] else []
    if told["user"]:
        who.append(t("user {user}", user=told["user"]))
    if told["state"]:
        who.append(t("{state} for {time}", state=t(told["state"]), time=lasting(told["since"])))
    query = " ".join(told["query"].split())[:80]
    return harmless(f"pid {told['pid']} ({', '.join(who)}{f': {query}' if query else ''})")


def _far(event: Mapping[str, Any]) -> str:
    detail = event["detail"]
    parts = [t("{rows} rows", rows=number(detail["rows"], 0))] if detail.get("rows") is not None else []
    if detail.get("share") is not None:
        parts.append(f"{100 * detail['share']:.0f} %")
    if not parts:
        return harmless(event["sentence"])
    if detail.get("pause") and detail.get("why"):
        parts.append(t("pausing: {why}", why=detail["why"]))
    return harmless(t("line {line}: {what}", line=event["line"], what=", ".join(parts)))
