"""What commands and clients are told of backups: stable JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from nexus.control.recovering.runs import Run
from nexus.migrations.rehearsing.sentence import Sentence
from nexus.recovery.backups.manifest import BackupManifest


def summary(backup: BackupManifest, places: Sequence[str] = ()) -> dict[str, Any]:
    """A backup in a list. `places`: those that have it whole."""
    return {
        "id": backup.id,
        "kind": backup.kind,
        "parent": backup.parent,
        "began": backup.began,
        "ended": backup.ended,
        "seconds": backup.ended - backup.began,
        "bytes": backup.size,
        "plain": backup.plain,
        "scheduled": backup.scheduled,
        "places": list(places),
    }


def whole(backup: BackupManifest, places: Sequence[str] = ()) -> dict[str, Any]:
    """All that is known of a backup, but for its single parts."""
    return {
        **summary(backup, places),
        "stack": backup.stack,
        "system": backup.system,
        "version": backup.version,
        "timeline": backup.timeline,
        "start_lsn": backup.start_lsn,
        "end_lsn": backup.end_lsn,
        "parts": len(backup.parts),
        "home": [each.key.partition("/home/")[2] for each in backup.home],
        "releases": dict(backup.releases),
        "migrations": dict(backup.migrations),
        "totals": asdict(backup.totals) if backup.totals else None,
        "nexus": backup.nexus,
    }


def run(one: Run) -> dict[str, Any]:
    """What was done once."""
    return {**asdict(one), "seconds": one.seconds}


def said(sentence: Sentence) -> dict[str, Any]:
    """The event of something that happens while a backup is taken or checked."""
    return {
        "event": "said",
        "sentence": str(sentence),
        "text": getattr(sentence, "text", str(sentence)),
        "values": {name: str(value) for name, value in getattr(sentence, "values", {}).items()},
    }


def outcome(state: str, sentence: str, exit_code: int, **more: Any) -> dict[str, Any]:
    """The last event of an operation."""
    return {"event": "outcome", "state": state, "sentence": sentence, "exit_code": exit_code, **more}
