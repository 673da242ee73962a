"""What happens within a migration, as one line in the operator's language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nexus.cli.language import t
from nexus.cli.paint import harmless


def said(event: Mapping[str, Any]) -> str:
    """An event `told` as a line; "" for what needs none."""
    kind, detail = event["kind"], event["detail"]
    if kind in ("started", "finished"):
        return ""
    if kind == "waiting" and detail.get("blockers"):
        return t("waiting for {blockers}", blockers="; ".join(map(blocker, detail["blockers"])))
    if kind == "gave-way":
        return t("line {line}: others waited for it, so it gave way; it is tried again", line=event["line"])
    if kind == "progress" and detail.get("share") is not None:
        return t("line {line}: {percent:.0f} %", line=event["line"], percent=100 * detail["share"])
    return harmless(event["sentence"])


def blocker(told: Mapping[str, Any]) -> str:
    """Who holds a lock: `pid 4711 (psql, user bob, idle in transaction for 9 min: SELECT ...)`."""
    if not told["pid"]:
        return t("a prepared transaction (see pg_prepared_xacts)")
    who = [told["application"]] if told["application"] else []
    if told["user"]:
        who.append(t("user {user}", user=told["user"]))
    if told["state"]:
        who.append(t("{state} for {time}", state=t(told["state"]), time=lasting(told["since"])))
    return harmless(f"pid {told['pid']} ({', '.join(who)}: {' '.join(told['query'].split())[:80]})")


def lasting(seconds: float) -> str:
    """A length of time as people say it: `9 min`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
