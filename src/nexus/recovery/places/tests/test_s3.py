"""What a bucket promises besides: locks that outlive an attacker, and plain words when it cannot be used."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError  # type: ignore[import-untyped]

from nexus.recovery import layout
from nexus.recovery.errors import Conflict, Locked, NoRoom, PlaceError
from nexus.recovery.places.s3 import S3
from nexus.recovery.places.s3_client import Bucket
from nexus.recovery.places.s3_locks import Locks, needed
from nexus.recovery.places.tests.sites import NAME, Site, home
from nexus.stack.recovering import S3Place

MAKE_BUCKET = Callable[..., dict[str, Any]]


@pytest.fixture
async def sites(tmp_path: Path) -> AsyncIterator[Callable[[dict[str, Any]], Site]]:
    made: list[Site] = []

    def make(manifest: dict[str, Any], secret: str = "access:secret") -> Site:
        made.append(Site(manifest, home(tmp_path / f"home{len(made)}", secret)))
        return made[-1]

    yield make
    for each in made:
        await each.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(os.urandom(1000))
    return path


async def test_what_an_attacker_puts_above_a_locked_file_is_not_read(
    sites: Callable[..., Site], bucket: MAKE_BUCKET, file: Path, tmp_path: Path
) -> None:
    site = sites(bucket(locks=True, lock="1d"))
    place = site.open()
    for key in ("encrypted", "deleted"):
        await place.put(key, file)
    store, name = site.bucket(), site.manifest["bucket"]
    store.put_object(Bucket=name, Key="erp/encrypted", Body=b"pay us", ChecksumAlgorithm="SHA256")
    store.delete_object(Bucket=name, Key="erp/deleted")
    with pytest.raises(ClientError):
        store.get_object(Bucket=name, Key="erp/deleted")

    assert [(entry.key, entry.bytes) for entry in await place.entries()] == [
        ("deleted", 1000),
        ("encrypted", 1000),
    ]
    for key in ("encrypted", "deleted"):
        await place.get(key, tmp_path / key)
        assert (tmp_path / key).read_bytes() == file.read_bytes()
        await place.put(key, file)
    file.write_bytes(b"other")
    with pytest.raises(Conflict):
        await place.put("encrypted", file)


async def test_a_lock_ends_and_then_all_versions_go(
    sites: Callable[..., Site], bucket: MAKE_BUCKET, file: Path
) -> None:
    site = sites(bucket(locks=True, lock="8s"))
    place = site.open()
    keys = [f"wal/{number:03}" for number in range(6)]
    for key in keys:
        await place.put(key, file)
    site.bucket().delete_object(Bucket=site.manifest["bucket"], Key="erp/wal/003")
    with pytest.raises(Locked) as refused:
        await place.delete(keys)
    async with asyncio.timeout(60):
        while refused.value.until:
            await asyncio.sleep(0.2)
            try:
                await place.delete(keys)
                break
            except Locked as again:
                refused.value.until = again.until
    left = site.bucket().list_object_versions(Bucket=site.manifest["bucket"])
    assert not left.get("Versions")
    assert not left.get("DeleteMarkers")


async def test_a_bucket_without_object_lock_is_found_out_by_the_check(
    sites: Callable[..., Site], bucket: MAKE_BUCKET, file: Path
) -> None:
    await sites(bucket(locks=True, lock="1d")).open().check()
    await sites(bucket()).open().check()
    site = sites(bucket(lock="1d"))
    with pytest.raises(PlaceError, match="no object lock"):
        await site.open().check()


async def test_a_store_that_does_less_is_spoken_to_in_its_words(
    sites: Callable[..., Site], bucket: MAKE_BUCKET, file: Path, tmp_path: Path
) -> None:
    site = sites(bucket())
    place = site.open()
    assert isinstance(place, S3)
    refused: list[str] = []

    def refuse(params: dict[str, Any], **_: Any) -> None:
        for header in ("If-None-Match", "x-amz-checksum-sha256"):
            if header in params["headers"]:
                refused.append(header)
                told = {"Error": {"Code": "NotImplemented", "Message": header}}
                raise ClientError(told, "PutObject")

    place._bucket.client().meta.events.register("before-call.s3.PutObject", refuse)
    await place.put("a", file)
    assert refused == ["If-None-Match", "x-amz-checksum-sha256"]
    await place.put("a", file)
    file.write_bytes(b"other")
    with pytest.raises(Conflict):
        await place.put("a", file)


@pytest.mark.parametrize(
    ("told", "secret", "said"),
    [
        ({"bucket": "nobody-made-it"}, "access:secret", "NoSuchBucket.*make it"),
        ({}, "access", "ACCESS_KEY:SECRET_KEY"),
        ({"endpoint": "http://127.0.0.1:9"}, "access:secret", "cannot be reached"),
    ],
)
async def test_what_is_wrong_is_said(
    sites: Callable[..., Site], bucket: MAKE_BUCKET, file: Path, told: dict[str, str], secret: str, said: str
) -> None:
    site = sites(bucket(**told) if not told else {**bucket(), **told}, secret)
    with pytest.raises(PlaceError, match=f"{NAME}.*{said}"):
        await site.open().put("a", file)


def test_a_quota_is_no_room() -> None:
    bucket = Bucket(NAME, S3Place.model_validate({"kind": "s3", "bucket": "b"}), lambda: "access:secret")
    told = {"Error": {"Code": "QuotaExceeded", "Message": "10 GB are used"}}
    with pytest.raises(NoRoom, match="10 GB are used"), bucket.telling("a"):
        raise ClientError(told, "PutObject")


async def test_locks_of_what_the_newest_builds_on_are_prolonged_and_leftovers_are_dropped(
    sites: Callable[..., Site], bucket: MAKE_BUCKET, file: Path
) -> None:
    old, full, last = (
        f"2026112{day}T023000Z-{kind}" for day, kind in ((1, "full"), (2, "full"), (3, "incremental"))
    )
    assert needed([layout.manifest(each) for each in (last, old, full)]) == (full, last)
    site = sites(bucket(locks=True, lock="10d"))
    place = site.open()
    assert isinstance(place, S3)
    keys = [layout.part(old, 1), layout.manifest(old), layout.part(full, 1), layout.manifest(full)]
    for key in keys:
        await place.put(key, file)
    name = site.manifest["bucket"]
    begun = site.bucket().create_multipart_upload(Bucket=name, Key=f"erp/{layout.part(last, 1)}")
    site.bucket().upload_part(
        Bucket=name, Key=begun["Key"], UploadId=begun["UploadId"], PartNumber=1, Body=b"x"
    )

    def ends(key: str) -> float:
        told = site.bucket().head_object(Bucket=name, Key=f"erp/{key}")
        return float(told["ObjectLockRetainUntilDate"].timestamp())

    before = {key: ends(key) for key in keys}
    await place.tend(keys)
    assert site.half_sent() == 0
    assert {key: ends(key) for key in keys} == before  # half of their time is not over
    locks = Locks(Bucket(NAME, S3Place.model_validate(site.manifest), lambda: "access:secret"))
    later = time.time() + 6 * 86400
    for _ in range(2):
        locks.prolong(keys, later)
        now = {key: ends(key) for key in keys}
        assert [key for key in keys if now[key] > before[key]] == keys[2:]
        assert now[keys[2]] == pytest.approx(later + 10 * 86400, abs=60)
