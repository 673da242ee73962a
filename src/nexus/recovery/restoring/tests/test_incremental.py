"""Incremental backups put over a full one give, byte for byte, what pg_combinebackup makes of them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from nexus_kit.testing.servers import PG_BIN, PostgresServer

from nexus.recovery.errors import Damaged
from nexus.recovery.restoring.incremental import LABEL, PREFIX, put_over
from nexus.recovery.restoring.tests.living import Living, living


def taken(server: PostgresServer, to: Path, parent: Path | None = None) -> Path:
    more = (f"--incremental={parent / 'backup_manifest'}",) if parent else ()
    options = ("-c", "fast", "-X", "none", "--no-sync", *more)
    command = (str(PG_BIN / "pg_basebackup"), "-d", server.admin_dsn, "-D", str(to), *options)
    subprocess.run(command, check=True, capture_output=True)
    return to


async def change(found: Living) -> None:
    for statement in (
        "UPDATE wide SET name = name || 'x' WHERE id % 97 = 0",
        "DELETE FROM short WHERE id > 20",
        "VACUUM (TRUNCATE) short",
        "INSERT INTO grows SELECT g, repeat('y', 500) FROM generate_series(1, 3000) g",
    ):
        await found.ask(statement)


def tree(top: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(top)): path.read_bytes() if path.is_file() else None
        for path in top.rglob("*")
        if path.name != "backup_manifest"
    }


async def test_a_chain_becomes_what_postgresql_itself_makes_of_it(tmp_path: Path) -> None:
    with living() as found:
        for setting in ("summarize_wal = on", "autovacuum = off"):
            await found.ask(f"ALTER SYSTEM SET {setting}")
        found.server.stop()
        found.server.start()
        made = "AS SELECT g AS id, repeat('x', 200) AS name FROM generate_series(1, 20000) g"
        for name in ("wide", "short", "gone"):
            await found.ask(f"CREATE TABLE {name} {made}")
        await found.ask("CREATE TABLE grows (id int, name text)")
        await found.ask("CREATE DATABASE dropped STRATEGY file_copy")
        full = taken(found.server, tmp_path / "full")
        await change(found)
        await found.ask("DROP TABLE gone")
        first = taken(found.server, tmp_path / "first", full)
        await change(found)
        await found.ask("DROP DATABASE dropped")
        await found.ask("CREATE TABLE short_again AS SELECT * FROM wide")
        await found.ask("CREATE DATABASE fresh STRATEGY file_copy")
        second = taken(found.server, tmp_path / "second", first)
    assert len(list(second.rglob(f"{PREFIX}*"))) > 100
    combined = tmp_path / "combined"
    chain = map(str, (combined, full, first, second))
    command = (str(PG_BIN / "pg_combinebackup"), "--no-sync", "-o", *chain)
    subprocess.run(command, check=True, capture_output=True)
    skipped = tmp_path / "skipped"
    shutil.copytree(full, skipped)
    put_over(first, full, None)
    with pytest.raises(Damaged, match="builds on one that began at"):
        put_over(second, skipped, None)
    put_over(second, full, None)
    ours, theirs = tree(full), tree(combined)
    assert ours.keys() == theirs.keys()
    assert [name for name in ours if ours[name] != theirs[name]] == []


def test_what_is_no_incremental_file_is_damaged(tmp_path: Path) -> None:
    backup, data = tmp_path / "backup", tmp_path / "data"
    for folder in (backup, data):
        folder.mkdir()
    before = "START WAL LOCATION: 0/2000028 (file 000000010000000000000002)\n"
    label = "START WAL LOCATION: 0/4000028 (file x)\nINCREMENTAL FROM LSN: 0/2000028\n"
    for content, said in ((b"\0" * 8, "cut short"), (b"\0" * 8192, "no incremental file")):
        (data / LABEL).write_text(before)
        (backup / LABEL).write_text(label)
        (backup / f"{PREFIX}16384").write_bytes(content)
        with pytest.raises(Damaged, match=said):
            put_over(backup, data, None)
