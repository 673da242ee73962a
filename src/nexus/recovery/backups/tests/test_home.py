"""What is backed up beside the database comes back into a new home, without the key that opens backups."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from nexus_kit.testing.servers import ValkeyServer
from valkey.asyncio import Valkey

from nexus.migrations.rehearsing.sentence import Sentence
from nexus.recovery import layout
from nexus.recovery.backups import archive
from nexus.recovery.backups import home as homes
from nexus.recovery.backups.artefacts import artefact_of
from nexus.recovery.backups.cache import Cache, snapshot
from nexus.recovery.backups.home import _identity, pack, unpack
from nexus.recovery.backups.manifest import BackupManifest, Stored
from nexus.recovery.backups.source import Source
from nexus.recovery.backups.tests.shop import write_stack
from nexus.recovery.errors import RecoveryFailed
from nexus.recovery.kit import make_kit
from nexus.recovery.places.directory import Directory
from nexus.recovery.repository import Repository
from nexus.recovery.sealing import Keys, load_keys, recipient_of, sealers
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


async def packed(source: Source, cache: bytes | None = None, hour: int = 10) -> BackupManifest:
    source.work.mkdir(parents=True, exist_ok=True)
    return manifest(await pack(source, repository(source), f"20261126T{hour}0000Z-full", cache))


async def test_a_new_home_gets_what_the_old_one_had(source: Source, tmp_path: Path) -> None:
    found = await packed(source, b"REDIS0011")
    new = Home.at(tmp_path / "new")
    unpacked = await unpack(found, repository(source), new, tmp_path / "root")
    assert content(new.root) == {
        "secrets/db/admin_url",
        "secrets/recovery/places/far",
        "secrets/recovery/identity.former",
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


def artefacts(home: tuple[Stored, ...]) -> dict[str, Stored]:
    return {each.key: each for each in home if each.key.startswith(layout.ARTEFACTS)}


async def test_what_releases_run_from_is_stored_once(source: Source) -> None:
    first = artefacts((await packed(source)).home)
    assert {artefact_of(each) for each in first} == {"releases/till/abc", "parts/77"}
    assert artefacts((await packed(source, hour=11)).home) == first


async def test_a_kit_that_was_made_later_opens_all_of_what_is_stored_then(
    source: Source, tmp_path: Path
) -> None:
    before = artefacts((await packed(source)).home)
    kit = make_kit(source.home)
    found = await packed(source, hour=11)
    assert not before.keys() & artefacts(found.home).keys()
    alone = replace(repository(source), keys=Keys((kit.recipient,), kit.identity))
    new = Home.at(tmp_path / "new")
    await unpack(found, alone, new, tmp_path / "root")
    assert {"releases/till/abc/till/module.yaml", "parts/77/kit/a.py"} <= content(new.root)


async def test_what_was_sealed_before_a_machine_was_lost_is_read_and_nothing_more_is_sealed_for_it(
    source: Source, tmp_path: Path
) -> None:
    kit = make_kit(source.home)
    found = await packed(source)
    alone = replace(repository(source), keys=Keys((kit.recipient,), kit.identity))
    new = Home.at(tmp_path / "new")
    await unpack(found, alone, new, None)
    keys = load_keys(new)
    assert keys.recipients == (recipient_of(keys.identity or ""), kit.recipient)
    piece = found.home[0].key
    old = repository(source)
    assert await replace(old, keys=keys).read(piece) == await old.read(piece)
    async with sealers(keys, count=1) as workers, workers.slot() as slot:
        path, at = source.home.root / "backups" / piece, Path(found.home[0].key)
        assert await workers.unseal(slot, at.as_posix(), path, found.home[0].sha256) == found.home[0].plain
    assert not [each for each, _ in archive.members(new.secrets, "", _identity(new)) if "former" in each.name]


async def test_what_the_first_place_has_lost_comes_from_another_one_as_it_is_there(source: Source) -> None:
    near = repository(source)
    far = Directory("far", source.home.root / "far", proves=False)
    both = replace(near, places=(near.first, far))
    source.work.mkdir(parents=True)
    first = artefacts(await pack(source, near, "20261126T100000Z-full", None))
    for entry in await near.first.entries():
        with near.file() as file:
            await near.first.get(entry.key, file)
            await far.put(entry.key, file)
    await near.first.delete(list(first))
    assert artefacts(await pack(source, both, "20261126T110000Z-full", None)) == first
    assert first.keys() <= {entry.key for entry in await near.first.entries()}
    (source.home.secrets / "recovery" / "identity").unlink()
    await near.first.delete([entry.key for entry in await near.first.entries()])
    other = replace(both, keys=load_keys(source.home))
    anew = artefacts(await pack(source, other, "20261126T120000Z-full", None))
    assert not anew.keys() & first.keys()
    for key in anew:  # the far place takes it
        with near.file() as file:
            await near.first.get(key, file)
            await far.put(key, file)


async def test_of_a_large_folder_only_what_is_large_stays_out(
    source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (source.stack.root / "video.bin").write_bytes(bytes(5000))
    monkeypatch.setattr(homes, "LARGEST_STACK", 4000)
    said: list[Sentence] = []
    source.work.mkdir(parents=True)
    found = manifest(await pack(source, repository(source), "20261126T100000Z-full", None, said.append))
    await unpack(found, repository(source), Home.at(tmp_path / "new"), tmp_path / "root")
    assert content(tmp_path / "root") >= {"nexus.yaml", "modules/till/module.yaml", "modules/till/app.py"}
    assert not (tmp_path / "root" / "video.bin").exists()
    assert "1 of its largest files are no part of the backup, such as video.bin" in str(said[0])


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
