from __future__ import annotations

from typing import Any

import pytest

from nexus.migrations.errors import HistoryBroken
from nexus.migrations.history import read_history
from nexus.migrations.history.edited import mark_edited
from nexus.migrations.history.resolve import baseline, mark_applied, mark_rolled_back
from nexus.migrations.history.table import ensure_table, fail_row
from nexus.migrations.history.tests.rows import start_row
from nexus.migrations.migration import Source
from nexus.migrations.reading import read


async def fail(connection: Any, source: Source, name: str) -> str:
    await ensure_table(connection, source)
    (migration,) = (each for each in read(source) if each.name == name)
    id = await start_row(connection, source, migration)
    run = "INSERT INTO nexus.migration_run VALUES ($1, 'shop', $2, $3, true)"
    await connection.execute(run, id, name, migration.checksum)
    await fail_row(connection, source, id, "42P01 no such table")
    return id


async def refusal(doing: Any) -> str:
    with pytest.raises(HistoryBroken) as refused:
        await doing
    return refused.value.code


async def test_applied_by_hand_rolls_the_failed_row_back_and_adds_one(
    connection: Any, source: Source
) -> None:
    failed = await fail(connection, source, "1_items")
    await mark_applied(connection, source, "1_items")
    history = await read_history(connection, source)
    old, new = history.rows
    assert (old.id, old.state, old.logs) == (failed, "rolled back", "42P01 no such table")
    assert (new.state, new.logs, new.steps, new.started_at) == ("applied", "", 0, new.finished_at)
    assert [each.name for each in history.pending] == ["2_price", "3_more"]
    assert await connection.fetchval("SELECT outcome FROM nexus.migration_run") == "failed"


async def test_applied_by_hand_needs_no_table(connection: Any, source: Source) -> None:
    await mark_applied(connection, source, "1_items")
    assert list((await read_history(connection, source)).applied) == ["1_items"]


async def test_applied_twice_is_refused(connection: Any, source: Source) -> None:
    await mark_applied(connection, source, "1_items")
    assert await refusal(mark_applied(connection, source, "1_items")) == "P3008"
    assert len((await read_history(connection, source)).rows) == 1


async def test_applied_without_a_file_is_refused(connection: Any, source: Source) -> None:
    assert await refusal(mark_applied(connection, source, "9_absent")) == "P3017"
    with pytest.raises(HistoryBroken, match=r"no migration items in it; did you mean 1_items\?"):
        await mark_applied(connection, source, "items")


async def test_rolled_back_is_pending_again(connection: Any, source: Source) -> None:
    await fail(connection, source, "1_items")
    await mark_rolled_back(connection, source, "1_items")
    history = await read_history(connection, source)
    assert (history.problems, len(history.pending)) == ((), 3)
    await mark_rolled_back(connection, source, "1_items")  # as with Prisma: said twice, nothing changes
    assert await read_history(connection, source) == history


async def test_rolled_back_without_a_failure_is_refused(connection: Any, source: Source) -> None:
    assert await refusal(mark_rolled_back(connection, source, "1_items")) == "P3011"
    await mark_applied(connection, source, "1_items")
    assert await refusal(mark_rolled_back(connection, source, "1_items")) == "P3012"
    assert await refusal(mark_rolled_back(connection, source, "2_price")) == "P3011"


async def test_a_baseline_records_up_to_a_name_and_runs_nothing(connection: Any, source: Source) -> None:
    await connection.execute("CREATE TABLE shop.table_1 (id int)")
    assert await baseline(connection, source, "2_price") == ("1_items", "2_price")
    history = await read_history(connection, source)
    assert (history.problems, [each.name for each in history.pending]) == ((), ["3_more"])
    assert await connection.fetchval("SELECT to_regclass('shop.table_2')") is None


async def test_a_baseline_of_all_and_none_after_it(connection: Any, source: Source) -> None:
    await ensure_table(connection, source)
    assert await refusal(baseline(connection, source, "9_absent")) == "P3017"
    assert len(await baseline(connection, source, None)) == 3
    assert await refusal(baseline(connection, source, None)) == "P3008"


async def test_a_schema_that_is_not_there_has_no_baseline(connection: Any, source: Source) -> None:
    await connection.execute("DROP SCHEMA shop")
    with pytest.raises(HistoryBroken, match="there is no such schema in this database"):
        await baseline(connection, source, None)


async def test_an_edited_file_is_recorded_as_what_was_applied(connection: Any, source: Source) -> None:
    await mark_applied(connection, source, "1_items")
    script = source.folder / "1_items" / "migration.sql"
    script.write_text("-- a word more\n" + script.read_text())
    (problem,) = (await read_history(connection, source)).problems
    assert problem.kind == "edited"
    await mark_edited(connection, source, "1_items")
    history = await read_history(connection, source)
    assert (history.problems, list(history.applied)) == ((), ["1_items"])
    script.write_text("-- and another\n" + script.read_text())
    (problem,) = (await read_history(connection, source)).problems
    assert "a word more" in problem.diff, "the text that was recorded is kept"


async def test_what_is_not_applied_or_not_edited_is_not_recorded_as_edited(
    connection: Any, source: Source
) -> None:
    assert await refusal(mark_edited(connection, source, "1_items")) == "P3011"
    assert await refusal(mark_edited(connection, source, "9_absent")) == "P3017"
    await mark_applied(connection, source, "1_items")
    with pytest.raises(HistoryBroken, match="is what was applied"):
        await mark_edited(connection, source, "1_items")
