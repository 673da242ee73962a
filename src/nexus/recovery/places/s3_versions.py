"""Versions of what a bucket holds: the first one of a key is what was stored, whatever came after.

Files are never changed. Whoever gets hold of the key can put other bytes or a delete marker above a locked
version, never in its place (Amazon S3 User Guide, "How S3 Object Lock works"); so the oldest version is read,
listed and compared, and what lies above it is nobody's.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from botocore.exceptions import ClientError  # type: ignore[import-untyped]

from nexus.recovery.places.s3_client import Bucket, code_of

_ALONE = 20  # keys: more are listed by what they begin with, not one by one
_AT_ONCE = 8  # requests
SKEW = timedelta(days=1)  # by which our clock may be ahead of the store's
_DENIED = {"AccessDenied", "403", "InvalidRequest", "ObjectLocked"}
_UNKNOWN = {"AccessDenied", "403", "NotImplemented", "501", "MethodNotAllowed", "405"}


@dataclass(frozen=True)
class Version:
    """One version of a key. `modified` in seconds since the epoch."""

    id: str
    bytes: int
    modified: float


@dataclass
class Versions:
    """All of a key: what was stored, from the oldest on, and the markers that hide it."""

    stored: list[Version] = field(default_factory=list)
    markers: list[str] = field(default_factory=list)


def keeps_versions(bucket: Bucket) -> bool:
    """Whether the bucket keeps what is replaced or deleted. Raises botocore's ClientError."""
    if bucket.manifest.lock is not None:
        return True
    try:
        told = bucket.client().get_bucket_versioning(Bucket=bucket.manifest.bucket)
    except ClientError as error:
        if code_of(error) in _UNKNOWN:
            return False
        raise
    return told.get("Status") in ("Enabled", "Suspended")


def versions(bucket: Bucket, prefix: str) -> dict[str, Versions]:
    """All versions of the keys with a prefix. Raises botocore's ClientError."""
    found: dict[str, Versions] = defaultdict(Versions)
    for page in bucket.pages("list_object_versions", Prefix=f"{bucket.prefix}{prefix}"):
        for told in page.get("Versions", ()):
            key = told["Key"].removeprefix(bucket.prefix)
            version = Version(told["VersionId"], told["Size"], told["LastModified"].timestamp())
            found[key].stored.insert(0, version)  # newest come first
        for told in page.get("DeleteMarkers", ()):
            found[told["Key"].removeprefix(bucket.prefix)].markers.append(told["VersionId"])
    for each in found.values():
        each.stored.sort(key=lambda version: version.modified)  # stable: ties stay as the store has them
    return dict(found)


def first(bucket: Bucket, key: str) -> Version | None:
    """What was stored under a key. Raises botocore's ClientError."""
    found = versions(bucket, key).get(key)
    return found.stored[0] if found and found.stored else None


def delete(bucket: Bucket, keys: Collection[str]) -> dict[str, float]:
    """Deletes all versions of keys, the first ones first; gives those that are locked, and until when.

    Raises:
        ClientError: botocore's; anything but a lock.
    """
    found = _of(bucket, keys)
    locked = _removed(bucket, [(key, each.stored[0].id) for key, each in found.items() if each.stored])
    return locked | _removed(
        bucket,
        [
            (key, version)
            for key, each in found.items()
            if key not in locked
            for version in (*(version.id for version in each.stored[1:]), *each.markers)
        ],
    )


def remove_all(bucket: Bucket, keys: Iterable[str]) -> None:
    """Deletes keys of a bucket that keeps no versions. Raises botocore's ClientError."""
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        for _ in threads.map(lambda key: bucket.client().delete_object(**bucket.named(key)), keys):
            continue


def locked_until(bucket: Bucket, named: Mapping[str, str], version: str) -> float | None:
    """Until when a version is locked (seconds since the epoch; infinite: by a legal hold); None: it is not.
    Raises botocore's ClientError.
    """
    told = bucket.client().head_object(**named, VersionId=version)
    if told.get("ObjectLockLegalHoldStatus") == "ON":
        return math.inf
    until: datetime | None = told.get("ObjectLockRetainUntilDate")
    return until.timestamp() if until and until > datetime.now(UTC) - SKEW else None


def _of(bucket: Bucket, keys: Collection[str]) -> dict[str, Versions]:
    prefixes = keys if len(keys) <= _ALONE else [_shared(min(keys), max(keys))]
    wanted = set(keys)
    return {
        key: each for prefix in prefixes for key, each in versions(bucket, prefix).items() if key in wanted
    }


def _removed(bucket: Bucket, those: Iterable[tuple[str, str]]) -> dict[str, float]:
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        told = list(threads.map(lambda each: _remove(bucket, *each), those))
    return {key: until for key, until in told if until is not None}


def _remove(bucket: Bucket, key: str, version: str) -> tuple[str, float | None]:
    try:
        bucket.client().delete_object(**bucket.named(key), VersionId=version)
    except ClientError as error:
        until = locked_until(bucket, bucket.named(key), version) if code_of(error) in _DENIED else None
        if until is None:
            raise
        return key, until
    return key, None


def _shared(one: str, other: str) -> str:
    """What both begin with."""
    pairs = enumerate(zip(one, other, strict=False))
    return one[: next((place for place, (left, right) in pairs if left != right), min(len(one), len(other)))]
