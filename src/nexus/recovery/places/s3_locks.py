"""Locks that last as long as a backup is needed: what incrementals build on must not be deletable first.

A lock in compliance mode can be prolonged by whoever may write, never shortened (Amazon S3 User Guide, "How
S3 Object Lock works").
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime

from nexus.recovery import layout
from nexus.recovery.places import s3_versions
from nexus.recovery.places.s3_client import Bucket


def needed(kept: Collection[str]) -> tuple[str, ...]:
    """The backups that the newest state is restored from: the newest full one that is whole, and all after
    it. Pure. IDs sort by time.
    """
    whole = {
        each.split("/")[1] for each in kept if each.startswith(layout.BACKUPS) and each.endswith("/manifest")
    }
    full = max((each for each in whole if each.endswith("-full")), default=None)
    return tuple(sorted(each for each in whole if full is not None and each >= full))


class Locks:
    """Of a bucket. Each is prolonged when half of its time is over."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._prolonged: dict[str, float] = {}  # when each was, in seconds since the epoch

    def prolong(self, kept: Collection[str], now: float) -> None:
        """`kept`: what the stack still keeps of what is stored. `now` in seconds since the epoch. Raises
        botocore's ClientError.
        """
        lock = self._bucket.manifest.lock
        if lock is None:
            return
        wanted = set(kept)
        prefixes = [layout.folder(each) for each in needed(kept)]
        for prefix in (*prefixes, *([layout.ARTEFACTS] if prefixes else [])):
            for key, each in s3_versions.versions(self._bucket, prefix).items():
                if key not in wanted or not each.stored:
                    continue
                since = max(each.stored[0].modified, self._prolonged.get(key, 0.0))
                if now - since >= lock / 2:
                    self._one(key, each.stored[0].id, now + lock)
                    self._prolonged[key] = now

    def _one(self, key: str, version: str, until: float) -> None:
        self._bucket.client().put_object_retention(
            **self._bucket.named(key),
            VersionId=version,
            Retention={"Mode": "COMPLIANCE", "RetainUntilDate": datetime.fromtimestamp(until, UTC)},
        )
