from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from nexus.migrations.history import History, read_history
from nexus.migrations.history.edited import mark_edited
from nexus.migrations.history.table import ensure_table, fail_row
from nexus.migrations.history.tests.rows import finish_row, start_row
from nexus.migrations.history.turn import turn
from nexus.migrations.migration import Source, sha256
from nexus.migrations.reading import read


async def apply(connection: Any, source: Source, *names: str) -> None:
    """Record these as applied, as Nexus does around their statements."""
    await ensure_table(connection, source)
    for migration in read(source):
        if migration.name in names:
            id = await start_row(connection, source, migration)
            await finish_row(connection, source, id)


async def begin(connection: Any, source: Source, name: str, ours: bool) -> str:
    await ensure_table(connection, source)
    (migration,) = (each for each in read(source) if each.name == name)
    id = await start_row(connection, source, migration)
    if ours:
        run = "INSERT INTO nexus.migration_run VALUES ($1, $2, $3, $4, true)"
        await connection.execute(run, id, source.schema, name, migration.checksum)
    return id


def kinds(history: History) -> list[tuple[str, str, str]]:
    return [(each.kind, each.migration, each.code) for each in history.problems]


async def test_an_empty_schema_has_all_before_it(connection: Any, source: Source) -> None:
    history = await read_history(connection, source)
    assert [each.name for each in history.pending] == ["1_items", "2_price", "3_more"]
    assert (history.rows, history.problems, history.made) == ((), (), True)
    assert await connection.fetchval("SELECT to_regnamespace('nexus')") is None, "it must only read"
    assert await connection.fetchval("SELECT to_regclass('shop._prisma_migrations')") is None
    absent = await read_history(connection, replace(source, schema="absent"))
    assert (absent.made, len(absent.pending), absent.problems) == (False, 3, ())


async def test_what_is_applied_is_not_pending(connection: Any, source: Source) -> None:
    await apply(connection, source, "1_items", "2_price")
    history = await read_history(connection, source)
    assert [each.name for each in history.pending] == ["3_more"]
    assert list(history.applied) == ["1_items", "2_price"]
    assert [(row.state, row.steps) for row in history.rows] == [("applied", 1), ("applied", 1)]
    assert history.problems == ()


async def test_a_failure_blocks_until_it_is_resolved(connection: Any, source: Source) -> None:
    id = await begin(connection, source, "1_items", ours=True)
    await fail_row(connection, source, id, "42883 no such function")
    history = await read_history(connection, source)
    assert kinds(history) == [("failed", "1_items", "P3009")]
    (problem,) = history.obstacles
    assert "42883 no such function" in problem.sentence
    assert "nexus migrate resolve shop --rolled-back 1_items" in problem.mend
    assert history.resumable == frozenset()


async def test_only_what_nexus_began_goes_on_by_itself(connection: Any, source: Source) -> None:
    await begin(connection, source, "1_items", ours=True)
    history = await read_history(connection, source)
    assert (history.resumable, history.problems) == (frozenset({"1_items"}), ())
    assert [each.name for each in history.pending] == ["1_items", "2_price", "3_more"]
    await connection.execute("UPDATE nexus.migration_run SET outcome = 'failed'")
    assert kinds(await read_history(connection, source)) == [("interrupted", "1_items", "P3009")]


async def test_what_another_tool_began_blocks(connection: Any, source: Source) -> None:
    await begin(connection, source, "1_items", ours=False)
    history = await read_history(connection, source)
    assert kinds(history) == [("interrupted", "1_items", "P3009")]
    assert "by another tool, never came to its end" in history.problems[0].sentence


async def test_an_unfinished_row_blocks_beside_an_applied_one_and_a_rolled_back_one_does_not(
    connection: Any, source: Source
) -> None:
    await begin(connection, source, "1_items", ours=False)
    await connection.execute("UPDATE shop._prisma_migrations SET rolled_back_at = now()")
    await apply(connection, source, "1_items")
    history = await read_history(connection, source)
    assert [row.state for row in history.rows] == ["rolled back", "applied"]
    assert (history.problems, len(history.pending)) == ((), 2)
    await begin(connection, source, "1_items", ours=False)
    assert kinds(await read_history(connection, source)) == [("interrupted", "1_items", "P3009")]


async def test_a_schema_with_tables_and_no_record_needs_a_baseline(connection: Any, source: Source) -> None:
    await connection.execute("CREATE TABLE shop.b (); CREATE TABLE shop.a (); CREATE TABLE shop.d ()")
    await connection.execute("CREATE TABLE shop.c (); CREATE TABLE shop.e ()")
    history = await read_history(connection, source)
    assert kinds(history) == [("baseline", "", "P3005")]
    assert "a, b, c and 2 more" in history.problems[0].sentence
    assert "nexus migrate baseline shop --to NAME" in history.problems[0].mend
    own = await read_history(connection, replace(source, format="command", command=("alembic",)))
    assert own.problems == (), "a command keeps its own record"


async def test_a_partitioned_table_alone_needs_one_too(connection: Any, source: Source) -> None:
    """Prisma does not see it, and fails later."""
    await connection.execute("CREATE TABLE shop.table_1 (id int) PARTITION BY RANGE (id)")
    assert kinds(await read_history(connection, source)) == [("baseline", "", "P3005")]


async def test_what_another_session_runs_now_is_told_so(connection: Any, source: Source, pg: Any) -> None:
    await begin(connection, source, "1_items", ours=False)
    database = await connection.fetchval("SELECT current_database()")
    other = await asyncpg.connect(pg.dsn("postgres", database, pg.password))
    try:
        async with turn(other):
            (problem,) = (await read_history(connection, source)).obstacles
            assert f"it seems in session {other.get_server_pid()}" in problem.sentence
            assert problem.mend.startswith("wait for its end")
    finally:
        await other.close()


async def test_an_edited_migration_is_shown_beside_what_was_applied(connection: Any, source: Source) -> None:
    await apply(connection, source, "1_items")
    script = source.folder / "1_items" / "migration.sql"
    before = script.read_bytes()
    script.write_bytes(before.replace(b"\n", b"\r\n"))
    assert (await read_history(connection, source)).problems == (), "a checkout may change line endings"
    script.write_text("CREATE TABLE table_1 (id bigint);\n")
    (problem,) = (await read_history(connection, source)).problems
    assert (problem.kind, problem.migration, problem.blocks) == ("edited", "1_items", True)
    assert problem.mend.endswith("record it: `nexus migrate resolve shop --edited 1_items`")
    assert "-CREATE TABLE table_1 (id int);\n+CREATE TABLE table_1 (id bigint);" in problem.diff
    await mark_edited(connection, source, "1_items")
    assert (await read_history(connection, source)).problems == ()


async def test_the_text_of_an_edited_migration_is_found_in_git(connection: Any, source: Source) -> None:
    if shutil.which("git") is None:
        pytest.skip("git is not installed")

    def git(*words: str) -> None:
        who = ("-c", "user.name=Ana", "-c", "user.email=ana@example.org")
        subprocess.run(
            ["git", *who, *words], cwd=source.folder.parent, check=True, capture_output=True, timeout=30
        )

    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "Add migrations")
    await apply(connection, source, "1_items", "2_price", "3_more")
    await connection.execute("DELETE FROM nexus.script")
    script = source.folder / "1_items" / "migration.sql"
    script.write_text("SELECT 1;\n")
    git("commit", "-qam", "Change one")
    shutil.rmtree(source.folder / "2_price")
    git("commit", "-qam", "Delete one")
    edited, missing = (await read_history(connection, source)).problems
    assert "-CREATE TABLE table_1 (id int);\n+SELECT 1;" in edited.diff
    assert (missing.kind, missing.migration) == ("missing", "2_price")
    assert "-CREATE TABLE table_2 (id int);" in missing.diff


async def test_without_any_text_the_checksums_are_told(connection: Any, source: Source) -> None:
    await apply(connection, source, "1_items")
    await connection.execute("DELETE FROM nexus.script")
    script = source.folder / "1_items" / "migration.sql"
    old = sha256(script.read_bytes())
    script.write_text("SELECT 2;\n")
    (problem,) = (await read_history(connection, source)).problems
    assert problem.diff == ""
    assert f"applied {old[:12]}" in problem.sentence
    assert sha256(b"SELECT 2;\n")[:12] in problem.sentence


async def test_a_large_text_is_not_kept(connection: Any, source: Source) -> None:
    (source.folder / "2_price" / "migration.sql").write_text("-- ã\n" * 200_000)
    await apply(connection, source, "1_items", "2_price")
    assert await connection.fetchval("SELECT count(*) FROM nexus.script") == 1


async def test_what_a_newer_release_brought_is_no_obstacle(connection: Any, source: Source) -> None:
    await apply(connection, source, "1_items", "2_price", "3_more")
    shutil.rmtree(source.folder / "3_more")
    history = await read_history(connection, source)
    assert kinds(history) == [("ahead", "3_more", "")]
    assert (history.obstacles, history.pending) == ((), ())


async def test_what_vanished_before_the_last_is_an_obstacle(connection: Any, source: Source) -> None:
    await apply(connection, source, "1_items", "2_price", "3_more")
    shutil.rmtree(source.folder / "2_price")
    history = await read_history(connection, source)
    assert kinds(history) == [("missing", "2_price", "")]
    assert "-CREATE TABLE table_2 (id int);" in history.obstacles[0].diff


async def test_what_was_overtaken_is_an_obstacle(connection: Any, source: Source) -> None:
    await apply(connection, source, "1_items", "3_more")
    history = await read_history(connection, source)
    assert kinds(history) == [("out-of-order", "2_price", "")]
    assert "rename it so that it sorts last" in history.obstacles[0].mend


async def test_a_contract_may_not_be_overtaken_either(connection: Any, source: Source) -> None:
    (source.folder / "2_price" / "migration.sql").write_text("DROP TABLE table_1;\n")
    await apply(connection, source, "1_items", "3_more")
    history = await read_history(connection, source)
    assert kinds(history) == [("out-of-order", "2_price", "")]


async def test_what_is_resumed_is_not_out_of_order(connection: Any, source: Source) -> None:
    await apply(connection, source, "1_items", "3_more")
    await begin(connection, source, "2_price", ours=True)
    assert (await read_history(connection, source)).problems == ()


async def test_plain_files_have_the_same_record_in_the_order_of_their_numbers(
    connection: Any, source: Source, tmp_path: Path
) -> None:
    plain = replace(source, folder=tmp_path / "plain", format="sql")
    plain.folder.mkdir()
    for name in ("2_a", "10_b"):
        (plain.folder / f"{name}.sql").write_text("SELECT 1;")
    await apply(connection, plain, "2_a", "10_b")
    (plain.folder / "10_b.sql").unlink()
    assert kinds(await read_history(connection, plain)) == [("ahead", "10_b", "")]
    (plain.folder / "9_c.sql").write_text("SELECT 1;")
    assert kinds(await read_history(connection, plain)) == [
        ("ahead", "10_b", ""),
        ("out-of-order", "9_c", ""),
    ]
