"""Backups, runs and facts to judge by, as few words as a test needs."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from nexus.control.recovering.facts import PlaceFacts, RecoveryFacts
from nexus.control.recovering.runs import Run, State
from nexus.recovery.backups.manifest import BackupManifest, Stored
from nexus.recovery.layout import Kind, new_id
from nexus.recovery.streaming.status import StreamStatus
from nexus.stack.recovering import RecoveryPolicy, SftpPlace

NOW = 1_795_694_400.0  # 2026-11-26 12:00 UTC, a Thursday
HOUR, DAY = 3600.0, 86_400.0
AWAY = SftpPlace(kind="sftp", host="safe", user="nexus", path="/srv", host_key="ssh-ed25519 AAAA")


def backup(began: float, kind: Kind = "full", parent: BackupManifest | None = None) -> BackupManifest:
    """A whole backup of 600 MB that took ten seconds."""
    name = new_id(kind, began)
    return BackupManifest(
        name,
        kind,
        parent.id if parent else None,
        "shop",
        "7",
        180_000,
        1,
        16 << 20,
        "0/2000000",
        "0/3000000",
        began,
        began + 10,
        600_000_000,
        (Stored(f"backups/{name}/base/00001", 100_000_000, "", 600_000_000),),
        Stored(f"backups/{name}/files", 1000, "", 1000),
    )


def run(what: str, began: float, state: State = "done", sentence: str = "", seconds: float = 5.0) -> Run:
    """A run that has ended."""
    return Run(int(began), what, "the schedule", began, began, began + seconds, state, sentence, "", 0)


def stream(**more: Any) -> StreamStatus:
    """A stream that is well, and was heard just now."""
    told = StreamStatus(NOW, 0.0, 1, "streaming", "7", 1, 16 << 20, lag_seconds=1.0)
    object.__setattr__(told, "alive", True)
    found = replace(told, **more)
    object.__setattr__(found, "alive", more.get("alive", True))
    return found


def facts(backups: Sequence[BackupManifest], **more: Any) -> RecoveryFacts:
    """A stack whose stream and two places are well, and which has a recovery kit older than all backups."""
    names = tuple(each.id for each in backups)
    places = (
        PlaceFacts("local", "directory", names, 1.0, 100 << 30),
        PlaceFacts("safe", "sftp", names, 2.0),
    )
    told: dict[str, Any] = {
        "places": places,
        "stream": stream(),
        "disk_free": 100 << 30,
        "kit": NOW - 100 * DAY,
        "runs": (run("drill", NOW - 3 * HOUR),),
        "policy": RecoveryPolicy(places={"safe": AWAY}),
    }
    return RecoveryFacts(all_backups=tuple(backups), **{"now": NOW, **told, **more})
