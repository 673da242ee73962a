"""A place in a bucket of Amazon S3, or of a store that speaks its protocol: MinIO, Ceph, Wasabi, R2.

With `lock`, nobody can delete or replace what is stored before its time (object lock, compliance mode): not
with our key, not with the account's.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError  # type: ignore[import-untyped]

from nexus.recovery.errors import Conflict, Locked, Missing, PlaceError
from nexus.recovery.places import keys, s3_versions
from nexus.recovery.places.digest import digest_of
from nexus.recovery.places.pace import FREE, Pace
from nexus.recovery.places.place import Entry
from nexus.recovery.places.s3_client import Bucket, code_of
from nexus.recovery.places.s3_locks import Locks
from nexus.recovery.places.s3_upload import PART, Dialect, Upload, abandon_stale
from nexus.recovery.places.telling import Telling
from nexus.recovery.places.threads import Threads

_BLOCK = 1 << 20
_TAKEN = {"PreconditionFailed", "412", "ConditionalRequestConflict", "409", "NoSuchUpload"}
_NO_LOCK = {"ObjectLockConfigurationNotFoundError", "NotImplemented", "501", "NoSuchObjectLockConfiguration"}
_PROBE = b"Nexus can write here.\n"


class S3:
    """A bucket, below its prefix."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._dialect = Dialect()
        self._threads = Threads(bucket.name)
        self._locks = Locks(bucket)

    @property
    def name(self) -> str:
        """As `nexus.yaml` calls it."""
        return self._bucket.name

    async def put(self, key: str, file: Path, pace: Pace = FREE) -> None:
        """Stores a file. Raises Conflict, NoRoom, PlaceError."""
        keys.checked(key)
        await self._threads.run(partial(self._put, key, file, pace), pace.least(file.stat().st_size))

    async def get(self, key: str, file: Path) -> None:
        """Fetches a file. Raises Missing, PlaceError."""
        keys.checked(key)
        await self._threads.run(partial(self._get, key, file))

    async def entries(self, prefix: str = "") -> tuple[Entry, ...]:
        """What is stored below a prefix. Raises PlaceError."""
        keys.folder_of(prefix)
        return await self._threads.run(partial(self._entries, prefix))

    async def delete(self, keys: Collection[str]) -> None:
        """Deletes files, with all their versions. Raises Locked, PlaceError."""
        await self._threads.run(partial(self._delete, keys))

    async def free(self) -> int | None:
        """A bucket has no end."""
        return None

    async def check(self) -> None:
        """Writes, reads and deletes a file, and asks for the lock. Raises PlaceError."""
        await self._threads.run(self._check)

    async def close(self) -> None:
        """Lets go of connections."""
        self._bucket.close()

    async def tend(self, kept: Collection[str]) -> None:
        """Prolongs the locks of the backups that the newest ones build on, and drops parts of uploads that
        nobody goes on with. Raises PlaceError.
        """
        await self._threads.run(partial(self._tend, kept))

    def _tend(self, kept: Collection[str]) -> None:
        with self._bucket.telling("tend"):
            abandon_stale(self._bucket)
            self._locks.prolong(kept, time.time())

    @cached_property
    def _versioned(self) -> bool:
        return s3_versions.keeps_versions(self._bucket)

    def _put(self, key: str, file: Path, pace: Pace) -> None:
        size, digest = file.stat().st_size, digest_of(file)
        upload = Upload(self._bucket, self._dialect, key, file, digest)
        with self._bucket.telling(key):
            sure = (
                self._dialect.conditional and size <= PART
            )  # the store itself sees that nothing is replaced
            if not sure and self._there(key, size, digest):
                return
            try:
                upload.send(pace)
            except ClientError as error:
                if not _may_be_there(error) or not self._there(key, size, digest):
                    raise
                upload.abandon()

    def _there(self, key: str, size: int, digest: str) -> bool:
        """Whether the file is stored already.

        Raises:
            Conflict: other bytes are.
        """
        try:
            with self._bucket.telling(key):
                told = self._bucket.client().head_object(**self._which(key))
        except Missing:
            return False
        found = told["Metadata"].get("sha256") or self._digest(key)
        if (told["ContentLength"], found) != (size, digest):
            raise Conflict(
                f"place {self.name} ({self._bucket.address}): {key} holds other bytes than those that are to "
                "be stored; nothing is replaced. If it is damaged, delete it and its copy is made again"
            )
        return True

    def _which(self, key: str) -> dict[str, str]:
        """How what was stored is asked for: by its version, where there are several. Raises Missing."""
        named = self._bucket.named(key)
        if not self._versioned:
            return named
        version = s3_versions.first(self._bucket, key)
        if version is None:
            raise Missing(f"place {self.name} has no {key} ({self._bucket.address})")
        return {**named, "VersionId": version.id}

    def _digest(self, key: str) -> str:
        found = hashlib.sha256()
        for block in self._blocks(key):
            found.update(block)
        return found.hexdigest()

    def _blocks(self, key: str) -> Iterator[bytes]:
        with self._bucket.telling(key):
            body = self._bucket.client().get_object(**self._which(key))["Body"]
            with body:
                yield from body.iter_chunks(_BLOCK)

    def _get(self, key: str, file: Path) -> None:
        with Telling(self.name, file.parent).of(key), file.open("xb") as target:
            try:
                for block in self._blocks(key):
                    target.write(block)
                target.flush()
            except BaseException:
                file.unlink()
                raise

    def _entries(self, prefix: str) -> tuple[Entry, ...]:
        with self._bucket.telling(prefix):
            found = self._first_versions(prefix) if self._versioned else self._listed(prefix)
            kept = [
                entry
                for entry in found
                if not entry.key.rpartition("/")[2].startswith(".") and entry.key[-1] != "/"
            ]
        return tuple(sorted(kept, key=lambda entry: entry.key))

    def _first_versions(self, prefix: str) -> Iterator[Entry]:
        for key, each in s3_versions.versions(self._bucket, prefix).items():
            if each.stored:
                yield Entry(key, each.stored[0].bytes, each.stored[0].modified)

    def _listed(self, prefix: str) -> Iterator[Entry]:
        for page in self._bucket.pages("list_objects_v2", Prefix=f"{self._bucket.prefix}{prefix}"):
            for told in page.get("Contents", ()):
                key = told["Key"].removeprefix(self._bucket.prefix)
                yield Entry(key, told["Size"], told["LastModified"].timestamp())

    def _delete(self, names: Collection[str]) -> None:
        with self._bucket.telling(next(iter(names), "")):
            if not self._versioned:
                s3_versions.remove_all(self._bucket, names)
                return
            locked = s3_versions.delete(self._bucket, names)
        if locked:
            last = max(locked.values())
            told = "for good (legal hold)" if math.isinf(last) else f"until {_utc(last)} UTC"
            raise Locked(
                f"place {self.name} ({self._bucket.address}): {len(locked)} files are locked, the last "
                f"{told}; not before then can they be deleted",
                {key: None if math.isinf(until) else until for key, until in locked.items()},
            )

    def _check(self) -> None:
        with self._bucket.telling("check"):
            client, named = self._bucket.client(), self._bucket.named(f".check-{time.time_ns()}")
            self._check_lock(client)
            version = client.put_object(**named, Body=_PROBE, **self._dialect.sum_of(_PROBE)).get("VersionId")
            found = client.get_object(**named)["Body"].read()
            if version is None:
                client.delete_object(**named)
            elif (
                s3_versions.locked_until(self._bucket, named, version) is None
            ):  # some buckets lock everything
                client.delete_object(**named, VersionId=version)
        if found != _PROBE:
            raise PlaceError(f"place {self.name} ({self._bucket.address}) gives back other bytes than it got")

    def _check_lock(self, client: Any) -> None:
        if self._bucket.manifest.lock is None:
            return
        try:
            told = client.get_object_lock_configuration(Bucket=self._bucket.manifest.bucket)
        except ClientError as error:
            if code_of(error) not in _NO_LOCK:
                raise
            told = {}
        if told.get("ObjectLockConfiguration", {}).get("ObjectLockEnabled") != "Enabled":
            raise PlaceError(
                f"place {self.name} ({self._bucket.address}): it has no object lock, so what is stored "
                "could be deleted before its time; make a bucket with object lock, or take lock out of "
                "nexus.yaml"
            )


def _may_be_there(error: ClientError) -> bool:
    """Whether the file may be stored all the same: another writer was first, or the answer was lost."""
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return code_of(error) in _TAKEN or status >= 500


def _utc(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M}"
