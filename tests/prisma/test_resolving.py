"""Failures of one tool block the other, and what is said of them counts for both."""

from __future__ import annotations

import re
from typing import Any

import pytest

from nexus.migrations import MigrationError
from nexus.migrations.errors import HistoryBroken
from nexus.migrations.history import read_history
from nexus.migrations.history.resolve import baseline, mark_applied, mark_rolled_back

FIRST, SECOND, BAD = "20260101000000_items", "20260102000000_price", "20260103000000_bad"
BROKEN = "SELECT no_such_function();\n"


async def ours(both: Any, how: str, name: str) -> str:
    """What Nexus answers: a code, "" when it did as it was told."""
    act = mark_applied if how == "--applied" else mark_rolled_back
    try:
        await act(both.connection, both.source("ours"), name)
    except HistoryBroken as error:
        return error.code
    return ""


async def theirs(both: Any, how: str, name: str) -> str:
    """What Prisma answers."""
    ran = await both.prisma("resolve", how, name)
    code = re.search(r"Error: (P\d+)", ran.text)
    assert ran.code == 0 or code, ran.text
    return code[1] if code else ""


async def test_what_is_resolved_is_answered_and_recorded_as_prisma_does(both: Any) -> None:
    await both.make("ours")
    both.write(SECOND, b"\xef\xbb\xbfSELECT 1;\r\n")
    both.write(BAD, BROKEN)
    assert await theirs(both, "--applied", FIRST) == await ours(both, "--applied", FIRST) == ""
    assert await theirs(both, "--applied", SECOND) == await ours(both, "--applied", SECOND) == ""
    assert (await both.prisma("deploy")).code == 1
    with pytest.raises(MigrationError):
        await both.nexus("ours")
    for how, name, code in (
        ("--applied", FIRST, "P3008"),
        ("--applied", "absent", "P3017"),
        ("--rolled-back", FIRST, "P3012"),
        ("--rolled-back", "absent", "P3011"),
        ("--rolled-back", BAD, ""),
        ("--rolled-back", BAD, ""),
        ("--applied", BAD, ""),
        ("--applied", BAD, "P3008"),
        ("--rolled-back", BAD, ""),
    ):
        assert (await theirs(both, how, name), await ours(both, how, name)) == (code, code), (how, name)
    assert await without_logs(both, "ours") == await without_logs(both, "shop")


async def without_logs(both: Any, schema: str) -> list[dict[str, Any]]:
    """The rows; of the reasons only whether there is one: each tool words its own."""
    return [
        {**row, "logs": bool(row["logs"]) if row["logs"] else row["logs"]} for row in await both.rows(schema)
    ]


async def test_applied_by_hand_marks_what_failed_as_rolled_back(both: Any) -> None:
    await both.make("ours")
    both.write(BAD, BROKEN)
    assert (await both.prisma("deploy")).code == 1
    with pytest.raises(MigrationError):
        await both.nexus("ours")
    assert (await theirs(both, "--applied", BAD), await ours(both, "--applied", BAD)) == ("", "")
    rows = await without_logs(both, "ours")
    assert rows == await without_logs(both, "shop")
    assert [(row["rolled_back_at"], row["finished_at"], row["logs"]) for row in rows[2:]] == [
        (True, False, True),
        (False, True, ""),
    ]


async def test_our_failure_blocks_prisma_until_prisma_resolves_it(both: Any) -> None:
    both.write(BAD, BROKEN)
    with pytest.raises(MigrationError):
        await both.nexus()
    ran = await both.prisma("deploy")
    assert (ran.code, "Error: P3009" in ran.text, BAD in ran.text) == (1, True, True), ran.text
    assert (await both.prisma("resolve", "--rolled-back", BAD)).code == 0
    both.write(BAD, "SELECT 1;")
    assert await both.nexus() == [BAD]
    ran = await both.prisma("status")
    assert (ran.code, "Database schema is up to date!" in ran.text) == (0, True), ran.text


async def test_prismas_failure_blocks_us_until_we_resolve_it(both: Any) -> None:
    both.write(BAD, BROKEN)
    assert (await both.prisma("deploy")).code == 1
    (problem,) = (await read_history(both.connection, both.source())).obstacles
    assert (problem.kind, problem.migration, problem.code) == ("failed", BAD, "P3009")
    assert "no_such_function" in problem.sentence
    with pytest.raises(MigrationError):
        await both.nexus()
    await mark_rolled_back(both.connection, both.source(), BAD)
    both.write(BAD, "SELECT 1;")
    ran = await both.prisma("deploy")
    assert ran.code == 0, ran.text
    assert await both.nexus() == []


@pytest.mark.parametrize(
    ("made", "blocks"),
    [
        ("CREATE TABLE shop.found (id int)", True),
        (
            "CREATE VIEW shop.found AS SELECT 1; CREATE TYPE shop.kind AS ENUM ('a'); CREATE SEQUENCE shop.s",
            False,
        ),
    ],
    ids=["table", "no tables"],
)
async def test_a_schema_of_unknown_origin_needs_a_baseline(both: Any, made: str, blocks: bool) -> None:
    await both.connection.execute(made)
    history = await read_history(both.connection, both.source())
    assert [each.code for each in history.obstacles] == ["P3005"] * blocks
    ran = await both.prisma("deploy")
    assert ("Error: P3005" in ran.text, ran.code) == (blocks, int(blocks)), ran.text


async def test_our_baseline_is_prismas_too(both: Any) -> None:
    await both.connection.execute("CREATE TABLE shop.items (id int PRIMARY KEY)")
    assert await baseline(both.connection, both.source(), FIRST) == (FIRST,)
    ran = await both.prisma("deploy")
    assert ran.code == 0, ran.text
    rows = await both.rows()
    assert [(row["migration_name"], row["applied_steps_count"]) for row in rows] == [(FIRST, 0), (SECOND, 1)]
