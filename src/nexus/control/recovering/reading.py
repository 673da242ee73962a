"""What the stream wrote down, as far as recovery's standing is made from it."""

from __future__ import annotations

from nexus.recovery import lsn
from nexus.recovery.backups.manifest import BackupManifest
from nexus.recovery.streaming.status import StreamStatus
from nexus.stack.recovering import LOCAL


def behind(stream: StreamStatus | None, place: str, now: float, serving: bool = True) -> float | None:
    """Of how many of the latest seconds a place has nothing; None: not known. What a stream that is away said
    last grows by what has passed since, unless it ended in order and nothing was committed since. Pure.

    `serving`: whether the database answers.

    On this machine what was received counts too, sealed or not: it outlives the database.
    """
    if stream is None:
        return None
    if place == LOCAL:
        told = stream.lag_seconds
    else:
        told = next((each.seconds for each in stream.places if each.name == place), None)
    if told is None:
        return None
    if stream.alive or (stream.state == "ended" and not serving):
        return told
    return told + max(0.0, now - stream.at)


def wal_behind(stream: StreamStatus | None, newest: BackupManifest | None) -> int:
    """Bytes of WAL that are replayed behind the newest backup, as far as they are known. Pure."""
    if newest is None:
        return 0
    start = lsn.parse(newest.start_lsn)
    ends = [lsn.parse(newest.end_lsn)]
    if stream is not None and stream.system == newest.system and stream.received_lsn:
        ends.append(lsn.parse(stream.received_lsn))
    return max(0, max(ends) - start)
