"""Files into a bucket: in one request, or in parts of which those that arrived are not sent again.

Each request carries the SHA-256 of its bytes, which the store compares ("Checking object integrity", Amazon
S3 User Guide), and `If-None-Match: *`, so that nothing is replaced ("conditional writes").
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError  # type: ignore[import-untyped]

from nexus.recovery.places.pace import Pace
from nexus.recovery.places.s3_client import Bucket, code_of

PART = 8 << 20  # bytes; the protocol wants 5 MiB at least
STALE = 86400.0  # seconds after which nobody goes on with an upload
_UNKNOWN = {"NotImplemented", "501"}


@dataclass
class Dialect:
    """What a store understands: `conditional` writes, SHA-256 `checksum`s; found out as it refuses them."""

    conditional: bool = True
    checksum: bool = True

    def simpler(self) -> bool:
        """Gives up one thing; whether there was one."""
        if self.conditional:
            self.conditional = False
        elif self.checksum:
            self.checksum = False
        else:
            return False
        return True

    def unless_there(self) -> dict[str, str]:
        """That nothing is replaced."""
        return {"IfNoneMatch": "*"} if self.conditional else {}

    def sum_of(self, data: bytes) -> dict[str, str]:
        """By what the store compares what arrives."""
        if self.checksum:
            return {"ChecksumAlgorithm": "SHA256", "ChecksumSHA256": _base64(hashlib.sha256(data).digest())}
        return {"ContentMD5": _base64(hashlib.md5(data, usedforsecurity=False).digest())}


@dataclass(frozen=True)
class Upload:
    """Of one file, whose SHA-256 is `digest`, under one key. Raises botocore's ClientError."""

    bucket: Bucket
    dialect: Dialect
    key: str
    file: Path
    digest: str

    def send(self, pace: Pace) -> None:
        """Sends it."""
        while True:
            try:
                return self._whole(pace) if self.file.stat().st_size <= PART else self._in_parts(pace)
            except ClientError as error:
                if code_of(error) not in _UNKNOWN or not self.dialect.simpler():
                    raise

    def abandon(self) -> None:
        """Drops parts of a file that was stored by somebody else."""
        for upload in self._begun():
            self._abort(upload)

    def _whole(self, pace: Pace) -> None:
        data = self.file.read_bytes()
        pace.hold(len(data))
        self.bucket.client().put_object(
            **self.bucket.named(self.key),
            **self._kept(),
            **self.dialect.unless_there(),
            **self.dialect.sum_of(data),
            Body=data,
        )

    def _in_parts(self, pace: Pace) -> None:
        client, named = self.bucket.client(), self.bucket.named(self.key)
        upload, there = self._resumed()
        if upload is None:
            algorithm = {"ChecksumAlgorithm": "SHA256"} if self.dialect.checksum else {}
            upload = client.create_multipart_upload(**named, **self._kept(), **algorithm)["UploadId"]
        sent: list[dict[str, Any]] = []
        for number, data in self._parts():
            told = there.get(number)
            if told is None:
                pace.hold(len(data))
                told = client.upload_part(
                    **named, UploadId=upload, PartNumber=number, Body=data, **self.dialect.sum_of(data)
                )
            sum_ = (
                {"ChecksumSHA256": self.dialect.sum_of(data)["ChecksumSHA256"]}
                if self.dialect.checksum
                else {}
            )
            sent.append({"PartNumber": number, "ETag": told["ETag"], **sum_})
        client.complete_multipart_upload(
            **named, UploadId=upload, MultipartUpload={"Parts": sent}, **self.dialect.unless_there()
        )

    def _resumed(self) -> tuple[str | None, dict[int, dict[str, Any]]]:
        """An upload of the same bytes that was cut off, and its parts; ends those nobody goes on with."""
        for upload in self._begun():
            listed = {told["PartNumber"]: told for told in self._listed(upload["UploadId"])}
            if all(_is(told, data) for number, data in self._parts() if (told := listed.get(number))):
                return upload["UploadId"], listed
            if upload["Initiated"] < datetime.now(UTC) - timedelta(seconds=STALE):
                self._abort(upload)
        return None, {}

    def _begun(self) -> list[dict[str, Any]]:
        named = self.bucket.named(self.key)["Key"]
        return [
            upload
            for page in self.bucket.pages("list_multipart_uploads", Prefix=named)
            for upload in page.get("Uploads", ())
            if upload["Key"] == named
        ]

    def _listed(self, upload: str) -> Iterator[dict[str, Any]]:
        key = self.bucket.named(self.key)["Key"]
        for page in self.bucket.pages("list_parts", Key=key, UploadId=upload):
            yield from page.get("Parts", ())

    def _abort(self, upload: dict[str, Any]) -> None:
        abort(self.bucket, upload)

    def _parts(self) -> Iterator[tuple[int, bytes]]:
        with self.file.open("rb") as handle:
            number = 0
            while data := handle.read(PART):
                yield (number := number + 1), data

    def _kept(self) -> dict[str, Any]:
        """What is told with the file: its digest, and how long nobody may delete it."""
        kept: dict[str, Any] = {"Metadata": {"sha256": self.digest}}
        if (lock := self.bucket.manifest.lock) is not None:
            until = datetime.now(UTC) + timedelta(seconds=lock)
            kept |= {"ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": until}
        return kept


def abandon_stale(bucket: Bucket) -> None:
    """Drops parts of files that nobody goes on with, which a store keeps, and bills, for ever. Raises
    botocore's ClientError, unless the store does not know or allow it.
    """
    before = datetime.now(UTC) - timedelta(seconds=STALE)
    try:
        begun = [
            upload
            for page in bucket.pages("list_multipart_uploads", Prefix=bucket.prefix)
            for upload in page.get("Uploads", ())
            if upload["Initiated"] < before
        ]
        for upload in begun:
            abort(bucket, upload)
    except ClientError as error:
        if code_of(error) not in _UNKNOWN | {"AccessDenied", "403"}:
            raise


def abort(bucket: Bucket, upload: Mapping[str, Any]) -> None:
    """Drops the parts of one upload, unless somebody else has ended it. Raises botocore's ClientError."""
    try:
        bucket.client().abort_multipart_upload(
            Bucket=bucket.manifest.bucket, Key=upload["Key"], UploadId=upload["UploadId"]
        )
    except ClientError as error:
        if code_of(error) not in ("NoSuchUpload", "404"):
            raise


def _is(told: dict[str, Any], data: bytes) -> bool:
    """Whether a part that is there holds these bytes."""
    if told["Size"] != len(data):
        return False
    if "ChecksumSHA256" in told:
        return bool(told["ChecksumSHA256"] == _base64(hashlib.sha256(data).digest()))
    return bool(told["ETag"].strip('"') == hashlib.md5(data, usedforsecurity=False).hexdigest())


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
