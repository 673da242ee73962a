"""What is backed up beside the database comes back into a new home, without the key that opens backups."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from nexus_kit.testing.servers import ValkeyServer
from valkey.asyncio import Valkey

from nexus.recovery import layout
from nexus.recovery.backups.cache import Cache, snapshot
from nexus.recovery.backups.home import pack, unpack
from nexus.recovery.backups.manifest import BackupManifest, Stored
from nexus.recovery.backups.source import Source
from nexus.recovery.backups.tests.shop import write_stack
from nexus.recovery.errors import RecoveryFailed
from nexus.recovery.places.directory import Directory
from nexus.recovery.repository import Repository
from nexus.recovery.sealing import load_keys
from nexus.runtimes.home import Home
from nexus.stack import load_stack


@pytest.fixture(scope="module")
def valkey() -> Iterator[ValkeyServer]:
    server = ValkeyServer()
    server.start()
    yield server
    server.remove()


@pytest.fixture
def source(tmp_path: Path) -> Source:
    home = Home.at(tmp_path / "home")
    load_keys(home)
    for name, text in {
        "secrets/db/admin_url": "postgresql://secret",
        "secrets/recovery/places/far": "password",
        "releases/till/abc/till/module.yaml": "name: till",
        "releases/.draft-1/x": "half",
        "parts/77/kit/a.py": "a = 1",
        "config/gateway/haproxy.cfg": "global",
        "state/till/counter": "7",
        "logs/till.log": "line",
        "data/db/PG_VERSION": "18",
    }.items():
        path = home.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o600)
    with sqlite3.connect(home.database) as control:
        control.execute("CREATE TABLE sets (number)")
        control.execute("INSERT INTO sets VALUES (41)")
    root = write_stack(tmp_path / "stack")
    for name in (".env", ".git/config", "modules/till/__pycache__/x.pyc", "modules/till/app.py"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("x")
    (root / "away").symlink_to("/etc/passwd")
    return Source(load_stack(root), home, "")


def repository(source: Source) -> Repository:
    place = Directory("local", source.home.root / "backups", proves=False)
    return Repository((place,), load_keys(source.home), source.home.root / "recovery" / "scratch")


def manifest(home: tuple[Stored, ...]) -> BackupManifest:
    files = Stored("files", 1, "", 1)
    return BackupManifest(
        "20261126T100000Z-full", "full", None, "shop", "1", 180_000, 1, 1 << 24, "0/1", "0/2", 0.0, 1.0, 1,
        (), files, home,
    )  # fmt: skip


def content(folder: Path) -> set[str]:
    return {each.relative_to(folder).as_posix() for each in folder.rglob("*") if each.is_file()}


async def packed(source: Source, cache: bytes | None = None) -> BackupManifest:
    source.work.mkdir(parents=True, exist_ok=True)
    return manifest(await pack(source, repository(source), "20261126T100000Z-full", cache))


async def test_a_new_home_gets_what_the_old_one_had(source: Source, tmp_path: Path) -> None:
    found = await packed(source, b"REDIS0011")
    new = Home.at(tmp_path / "new")
    unpacked = await unpack(found, repository(source), new, tmp_path / "root")
    assert content(new.root) == {
        "secrets/db/admin_url",
        "secrets/recovery/places/far",
        "releases/till/abc/till/module.yaml",
        "parts/77/kit/a.py",
        "config/gateway/haproxy.cfg",
        "state/till/counter",
        "control.db",
        "recovery/cache/dump.rdb",
    }
    assert content(tmp_path / "root") == {
        "nexus.yaml",
        "modules/till/module.yaml",
        "modules/till/app.py",
        "modules/till/totals/sales.sql",
        "modules/till/totals/revenue.sql",
        "modules/till/totals/sales.since.sql",
    }
    assert (new.root / "secrets/db/admin_url").stat().st_mode & 0o777 == 0o600
    with sqlite3.connect(new.database) as control:
        assert control.execute("SELECT number FROM sets").fetchall() == [(41,)]
    assert unpacked.cache is not None
    assert unpacked.cache.read_bytes() == b"REDIS0011"
    assert load_keys(new).identity != load_keys(source.home).identity


async def test_nothing_that_is_stored_can_be_read_by_others(source: Source) -> None:
    await packed(source)
    for each in (source.home.root / "backups").rglob("*"):
        if each.is_file():
            assert each.read_bytes().startswith(b"age-encryption.org/v1\n")
    assert not [each for each in source.work.rglob("*") if each.is_file()]


async def test_what_releases_run_from_is_stored_once(source: Source) -> None:
    first = await packed(source)
    pieces = {each.key: each for each in first.home if each.key.startswith(layout.ARTEFACTS)}
    assert set(pieces) == {
        "artefacts/releases/till/abc/0001-of-0001",
        "artefacts/parts/77/0001-of-0001",
    }
    second = await pack(source, repository(source), "20261126T110000Z-full", None)
    assert {each.key: each for each in second if each.key.startswith(layout.ARTEFACTS)} == pieces


async def test_what_is_in_use_is_not_written_over(source: Source, tmp_path: Path) -> None:
    found = await packed(source)
    with pytest.raises(RecoveryFailed, match="holds secrets already"):
        await unpack(found, repository(source), source.home, None)


async def test_the_cache_is_copied_while_it_serves(valkey: ValkeyServer, tmp_path: Path) -> None:
    client = Valkey(host=valkey.host, port=valkey.port)
    await client.set("order", "4711")
    await client.xadd("events", {"type": "order.confirmed"})
    content = await snapshot(Cache(valkey.host, valkey.port))
    assert content.startswith((b"REDIS", b"VALKEY"))
    assert b"order.confirmed" in content
    assert await client.get("order") == b"4711"
    await client.aclose()


async def test_a_cache_that_is_away_or_refuses_is_told(valkey: ValkeyServer) -> None:
    with pytest.raises(RecoveryFailed, match="gives no snapshot"):
        await snapshot(Cache("127.0.0.1", 1))
    with pytest.raises(RecoveryFailed, match="to AUTH"):
        await snapshot(Cache(valkey.host, valkey.port, "wrong"))
