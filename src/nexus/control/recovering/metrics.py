"""The last standing as metrics."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from nexus.business.point import Point, label_text

HELPS = {
    "nexus_recovery_ok": "Whether all that recovery promises holds (1) or not (0).",
    "nexus_recovery_rpo_seconds": "Seconds of data that a loss would cost now, by what is lost; +Inf: all.",
    "nexus_recovery_rto_seconds": "For how many seconds all would stand still; +Inf: for ever.",
    "nexus_recovery_objective_seconds": "What is promised, by rpo and rto.",
    "nexus_recovery_backups": "Whole backups.",
    "nexus_recovery_last_backup_timestamp_seconds": "When the newest backup was complete.",
    "nexus_recovery_last_proven_timestamp_seconds": "When a restore was last proven.",
    "nexus_recovery_stream_alive": "Whether what is committed is streamed away (1) or not (0).",
    "nexus_recovery_stream_lag_bytes": "Bytes of WAL that the archive has not received.",
    "nexus_recovery_place_reachable": "Whether a place could be reached (1) or not (0).",
    "nexus_recovery_place_rpo_seconds": "Seconds of data lost if only this place is left; +Inf: all.",
    "nexus_recovery_space_free_bytes": "Free bytes of the disk with this machine's backups.",
    "nexus_recovery_alarm": "What is wrong now, by name, level and what it is about.",
}


def figures(standing: dict[str, Any]) -> Iterator[Point]:
    """The standing as metrics. Pure."""
    stream, proven = standing["stream"], standing["last_proven"]
    yield _gauge("nexus_recovery_ok", float(standing["ok"]))
    for name in ("database", "machine"):
        yield _gauge("nexus_recovery_rpo_seconds", _or_all(standing["rpo"][f"{name}_lost"]), lost=name)
    yield _gauge("nexus_recovery_rto_seconds", _or_all(standing["rto"]["seconds"]))
    for name in ("rpo", "rto"):
        yield _gauge("nexus_recovery_objective_seconds", standing[name]["objective"], objective=name)
    yield _gauge("nexus_recovery_backups", standing["backups"])
    if standing["last_backup"]:
        yield _gauge("nexus_recovery_last_backup_timestamp_seconds", standing["last_backup"]["ended"])
    if proven:
        yield _gauge("nexus_recovery_last_proven_timestamp_seconds", proven["ended"])
    yield _gauge("nexus_recovery_stream_alive", float(bool(stream and stream["alive"])))
    if stream and stream["lag_bytes"] is not None:
        yield _gauge("nexus_recovery_stream_lag_bytes", stream["lag_bytes"])
    for place in standing["places"]:
        yield _gauge("nexus_recovery_place_reachable", float(not place["trouble"]), place=place["name"])
        yield _gauge("nexus_recovery_place_rpo_seconds", _or_all(place["rpo"]), place=place["name"])
    if standing["space"]["free"] is not None:
        yield _gauge("nexus_recovery_space_free_bytes", standing["space"]["free"])
    for alarm in standing["alarms"]:
        about = {"about": alarm["about"]} if alarm["about"] else {}
        yield _gauge("nexus_recovery_alarm", 1.0, name=alarm["name"], level=alarm["level"], **about)


def _or_all(seconds: float | None) -> float:
    return float("inf") if seconds is None else seconds


def _gauge(metric: str, value: float, /, **labels: str) -> Point:
    return Point(metric, label_text(labels), "gauge", value, time.time())
