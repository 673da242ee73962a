"""What both tools leave in a database is the same."""

from __future__ import annotations

import asyncio
import subprocess
from typing import Any

import pytest
from nexus_kit.testing.servers import PG_BIN

from nexus.migrations import MigrationError
from nexus.migrations.history import read_history
from nexus.migrations.reading import read


def dump(url: str, schema: str) -> str:
    """The schema as SQL, under the name of the other one; without owners and rights, which are ours."""
    ran = subprocess.run(
        [PG_BIN / "pg_dump", "--schema-only", "--no-owner", "--no-privileges", "-n", schema, url],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    lines = [line for line in ran.stdout.splitlines() if not line.startswith("\\")]  # a random key
    return "\n".join(lines).replace(f"{schema}.", "SCHEMA.").replace(f" {schema};", " SCHEMA;")


async def test_tables_rows_checksums_and_order_are_the_same(both: Any) -> None:
    for name in ("20260103_b", "20260103_B", "20260103-b", "20260103_ação", "20260103_acaso", "20260103"):
        both.write(name, "SELECT 1;")
    both.write("20260104_windows", b"CREATE TABLE windows (\r\n  id int\r\n);\r\n")
    both.write("20260105_accents", "COMMENT ON TABLE items IS 'ação';\n")
    both.write("20260106_nothing", "-- This is an empty migration.")
    await both.make("ours")
    ran = await both.prisma("deploy")
    assert ran.code == 0, ran.text
    assert await both.nexus("ours") == [each.name for each in read(both.source())]
    assert await both.rows("ours") == await both.rows()
    theirs, ours = dump(both.url, "shop"), dump(both.url, "ours")
    assert "_prisma_migrations" in theirs
    assert ours.replace("Name: ours", "Name: shop").replace("Schema: ours", "Schema: shop") == theirs


async def test_what_prisma_applied_is_applied_to_us(both: Any) -> None:
    both.write("20260103000000_windows", b"SELECT\r\n1;\r\n")
    ran = await both.prisma("deploy")
    assert ran.code == 0, ran.text
    assert await both.nexus() == []
    both.write("20260103000000_windows", b"SELECT\n1;\n")
    history = await read_history(both.connection, both.source())
    assert (history.pending, history.problems, len(history.applied)) == ((), (), 3)
    both.write("20260103000000_windows", b"SELECT 2;\n")
    (problem,) = (await read_history(both.connection, both.source())).problems
    assert problem.kind == "edited"


async def test_what_we_applied_is_applied_to_prisma(both: Any) -> None:
    assert len(await both.nexus()) == 2
    before = await both.rows()
    ran = await both.prisma("status")
    assert (ran.code, "Database schema is up to date!" in ran.text) == (0, True), ran.text
    ran = await both.prisma("deploy")
    assert (ran.code, "No pending migrations to apply." in ran.text) == (0, True), ran.text
    assert await both.rows() == before


async def test_both_at_once_apply_each_migration_once(both: Any) -> None:
    for number in range(3, 23):
        both.write(f"202601{number:02}000000_more", f"CREATE TABLE more_{number} (id int);\n")
    ran, *_ = await asyncio.gather(both.prisma("deploy"), *(both.nexus() for _ in range(3)))
    assert ran.code == 0, ran.text
    rows = await both.rows()
    assert [row["migration_name"] for row in rows] == [each.name for each in read(both.source())]
    assert {(row["finished_at"], row["applied_steps_count"]) for row in rows} == {(True, 1)}


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (lambda home: (home / "migration_lock.toml").write_text('provider = "mysql"\n'), "P3019"),
        (lambda home: (home / "20260102000000_price" / "migration.sql").unlink(), "P3015"),
    ],
    ids=["provider", "no script"],
)
async def test_what_prisma_cannot_read_we_refuse_with_its_code(both: Any, damage: Any, code: str) -> None:
    damage(both.home / "migrations")
    with pytest.raises(MigrationError) as refused:
        read(both.source())
    assert refused.value.code == code
    ran = await both.prisma("deploy")
    assert (ran.code, f"Error: {code}" in ran.text) == (1, True), ran.text


async def test_the_tools_take_turns(both: Any) -> None:
    third, fourth, fifth = "20260103000000_name", "20260104000000_rows", "20260105000000_more"
    assert len(await both.nexus()) == 2
    both.write(third, "ALTER TABLE items ADD COLUMN name text;\nCREATE TABLE more (id int);\n")
    ran = await both.prisma("deploy")
    assert ran.code == 0, ran.text
    both.write(fourth, "INSERT INTO items VALUES (1, 2, 'three');\nALTER TABLE more ADD COLUMN name text;\n")
    assert await both.nexus() == [fourth]
    both.write(fifth, "ALTER TABLE more ADD COLUMN note text;\n")
    ran = await both.prisma("deploy")
    assert ran.code == 0, ran.text
    assert await both.nexus() == []
    assert [(row["migration_name"], row["applied_steps_count"]) for row in await both.rows()] == [
        (each.name, 1) for each in read(both.source())
    ]
