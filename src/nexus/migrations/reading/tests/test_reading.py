from __future__ import annotations

import hashlib
import os
import random
from pathlib import Path

import pytest

from nexus.migrations.errors import MigrationUnreadable
from nexus.migrations.migration import Format, Migration, Source
from nexus.migrations.reading import read
from nexus.migrations.reading.file import read_file
from nexus.migrations.statements import statements


def source(folder: Path, format: Format = "prisma") -> Source:
    return Source("shop", "shop", "shop_owner", "shop", folder, format, ("alembic",) * (format == "command"))


def write(folder: Path, name: str, content: bytes) -> Path:
    file = folder / name / "migration.sql"
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    return file


def only(folder: Path) -> Migration:
    (migration,) = read(source(folder))
    return migration


def test_folders_are_read_in_prismas_order_and_all_else_is_ignored(tmp_path: Path) -> None:
    for name in ("2_b", "1_B", "1_a", "1-a", "Z"):
        write(tmp_path, name, b"SELECT 1;")
    (tmp_path / "README.md").write_text("no migration")
    (tmp_path / "0_loose.sql").write_text("DROP TABLE everything")
    (tmp_path / "0_link").symlink_to(tmp_path / "1_a")
    (tmp_path / "migration_lock.toml").write_text('# a comment\nprovider = "postgresql"\n')
    assert [each.name for each in read(source(tmp_path))] == ["1_a", "1_B", "1-a", "2_b", "Z"]


def test_a_byte_order_mark_is_no_sql_but_counts_in_the_checksum(tmp_path: Path) -> None:
    content = b"\xef\xbb\xbfSELECT 1;\r\nSELECT 2;\r\n"
    write(tmp_path, "1_a", content)
    migration = only(tmp_path)
    assert migration.sql == "SELECT 1;\r\nSELECT 2;\r\n"
    assert migration.checksum == hashlib.sha256(content).hexdigest()
    assert migration.has_checksum(hashlib.sha256(content.replace(b"\r\n", b"\n")).hexdigest())
    assert migration.has_checksum(hashlib.sha256(content[3:]).hexdigest())
    assert not migration.has_checksum(hashlib.sha256(content + b" ").hexdigest())
    assert len(statements(migration)) == 2


def test_a_checksum_that_an_old_prisma_wrote_without_zeros_is_known() -> None:
    number = next(n for n in range(1000) if "0" in hashlib.sha256(b"SELECT %d" % n).hexdigest()[::2])
    script = f"SELECT {number}"
    digest = hashlib.sha256(script.encode()).digest()
    recorded = "".join(f"{byte:x}" for byte in digest)
    assert len(recorded) < 64
    assert Migration("1_a", script, digest.hex()).has_checksum(recorded)


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"-- This is an empty migration.\n", b"/* nothing */ -- here"]
)
def test_a_migration_without_statements_is_one(tmp_path: Path, content: bytes) -> None:
    write(tmp_path, "1_a", content)
    assert statements(only(tmp_path)) == ()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("SELECT 'ação'".encode("utf-16"), r"it is UTF-16, not UTF-8; convert it: iconv -f UTF-16 -t UTF-8"),
        ("SELECT 1;".encode("utf-16-le"), r"migration\.sql:1: a NUL at byte 1; it looks like UTF-16"),
        (b"SELECT 1;\n" * 9 + b"SELECT '\0'", r"migration\.sql:10: a NUL at byte 98; take it out"),
        (
            "-- x\nSELECT 'ação'".encode("latin-1"),
            r"migration\.sql:2: not UTF-8 at byte 14 \(0xe7\); if it is Latin-1, .*iconv -f ISO-8859-1",
        ),
        (b"\\copy t from x", r"migration\.sql:1: \\copy is a command of psql"),
    ],
)
def test_what_is_no_text_for_postgresql_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    write(tmp_path, "1_a", content)
    with pytest.raises(MigrationUnreadable, match=message):
        read(source(tmp_path))


@pytest.mark.parametrize(
    ("lock", "told"),
    [
        ('provider = "mysql"', "the provider is 'mysql'"),
        ("# nothing", "tells no provider"),
        ('provider="sqlite"', "the provider is 'sqlite'"),
    ],
)
def test_a_folder_of_another_database_is_refused(tmp_path: Path, lock: str, told: str) -> None:
    (tmp_path / "migration_lock.toml").write_text(lock)
    with pytest.raises(MigrationUnreadable, match=told) as refused:
        read(source(tmp_path))
    assert refused.value.code == "P3019"


def test_a_folder_without_a_script_is_refused(tmp_path: Path) -> None:
    (tmp_path / "1_a").mkdir()
    with pytest.raises(MigrationUnreadable, match=r"1_a: migration\.sql is missing; add it or") as refused:
        read(source(tmp_path))
    assert refused.value.code == "P3015"


def test_a_name_that_cannot_be_recorded_is_refused(tmp_path: Path) -> None:
    name = os.fsdecode(b"1_a\xe7\xe3o")
    write(tmp_path, name, b"SELECT 1;")
    with pytest.raises(MigrationUnreadable, match=r"the name is no text in UTF-8; rename it"):
        read(source(tmp_path))
    with pytest.raises(MigrationUnreadable, match=r"longer than 255 characters; shorten it"):
        read_file("x" * 256, tmp_path / name / "migration.sql")


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    for format in ("prisma", "sql"):
        with pytest.raises(MigrationUnreadable, match="there is no such folder"):
            read(source(tmp_path / "absent", format))


def test_large_data_is_read_without_a_regular_expression_going_wild(tmp_path: Path) -> None:
    chance = random.Random(7)
    row = "INSERT INTO t VALUES (%d, 'it''s %s', '{\"line\": \"\\n\"}'); -- \\copy\n"
    script = "".join(row % (n, "x" * chance.randint(1, 90)) for n in range(60_000))
    write(tmp_path, "1_a", script.encode())
    assert only(tmp_path).sql == script
    write(tmp_path, "2_b", (script + "\\i x").encode())
    with pytest.raises(MigrationUnreadable, match=r"2_b/migration\.sql:60001: \\i"):
        read(source(tmp_path))


def test_a_command_has_no_files(tmp_path: Path) -> None:
    assert read(source(tmp_path / "absent", "command")) == ()


def test_plain_files_are_read_by_their_numbers(tmp_path: Path) -> None:
    for name in ("10_c.sql", "2_b.sql", "001_a.sql", "notes.txt"):
        (tmp_path / name).write_text("SELECT 1;")
    assert [each.name for each in read(source(tmp_path, "sql"))] == ["001_a", "2_b", "10_c"]


def test_flyways_files_are_read_by_their_versions(tmp_path: Path) -> None:
    for name in ("V1.10__c.sql", "V2__d.sql", "V1.9__b.sql", "V1__a.sql"):
        (tmp_path / name).write_text("SELECT 1;")
    read_back = read(source(tmp_path, "sql"))
    assert [each.name for each in read_back] == ["V1__a", "V1.9__b", "V1.10__c", "V2__d"]
    assert read_back[0].file == tmp_path / "V1__a.sql"


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["U1__a.sql"], r"U1__a\.sql: it undoes a migration; delete it"),
        (["001_a.down.sql"], r"001_a\.down\.sql: it undoes a migration"),
        (["R__views.sql"], r"R__views\.sql: it is a repeatable migration"),
        (["beforeMigrate.sql"], r"beforeMigrate\.sql: it is a callback of Flyway"),
        (["V1__a.sql", "002_b.sql"], r"002_b\.sql: V1__a\.sql beside it is named as Flyway names files"),
        (["V1__a.sql", "V1.0__b.sql"], r"V1\.0__b\.sql: it has the version of V1__a\.sql"),
    ],
)
def test_files_that_are_no_migrations_are_refused(tmp_path: Path, names: list[str], message: str) -> None:
    for name in names:
        (tmp_path / name).write_text("SELECT 1;")
    with pytest.raises(MigrationUnreadable, match=message):
        read(source(tmp_path, "sql"))


def test_a_section_that_undoes_is_refused(tmp_path: Path) -> None:
    (tmp_path / "1_a.sql").write_text("-- migrate:up\nCREATE TABLE t ();\n-- migrate:down\nDROP TABLE t;\n")
    with pytest.raises(MigrationUnreadable, match=r"1_a\.sql:3: what follows undoes the migration"):
        read(source(tmp_path, "sql"))
