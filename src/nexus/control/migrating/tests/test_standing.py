"""How modules stand on a real database, and what is applied, resolved and baselined through the desk."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from nexus.control.addresses import Refused, planned
from nexus.control.migrating.desk import Desk, Unanswered
from nexus.control.migrating.mending import Mending, baseline_plan, resolve_plan
from nexus.control.migrating.standing import standing
from nexus.migrations import provision
from nexus.migrations.applying import apply_pending
from nexus.migrations.commands import Ended, run
from nexus.migrations.errors import HistoryBroken, MigrationUnreadable
from nexus.runtimes.home import Home
from nexus.runtimes.site import Site
from nexus.stack import load_stack

_counter = itertools.count(1)
STACK = "name: small\ninfrastructure:\n  pg: {kind: database, runtime: postgres, port: 9432}\n"
MODULE = """\
name: {name}
runtime: command
command: [x]
port: {port}
needs: {{hard: [pg]}}
database: {{schema: {name}}}
"""


def write(root: Path, module: str, name: str, sql: str) -> Path:
    file = root / "modules" / module / "migrations" / name / "migration.sql"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(sql)
    return file


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "nexus.yaml").write_text(STACK)
    for port, name in enumerate(("stock", "till"), 9001):
        write(tmp_path, name, "20260101000000_first", f"CREATE TABLE {name}_things (id int PRIMARY KEY);")
        (tmp_path / "modules" / name / "module.yaml").write_text(MODULE.format(name=name, port=port))
    return tmp_path


@pytest_asyncio.fixture(loop_scope="session")
async def desk(pg: Any, root: Path) -> AsyncIterator[Desk]:
    """The stack on a database of its own, whose schemas are provisioned and empty."""
    name = f"standing_{next(_counter)}"
    admin = await asyncpg.connect(pg.admin_dsn)
    await admin.execute(f"CREATE DATABASE {name}")
    await admin.close()
    dsn = pg.dsn("postgres", name, pg.password)
    connection = await asyncpg.connect(dsn)
    for schema in ("stock", "till"):
        await connection.execute(provision(schema, schema, "word"))
    await connection.close()
    home = Home.at(root / "home")
    file = home.secret("pg", "admin_url")
    file.parent.mkdir(parents=True)
    file.write_text(dsn)
    stack = load_stack(root)
    yield Desk(Site(stack, home, planned(stack, 0)), "process", dict)


async def told(desk: Desk) -> dict[str, tuple[int, list[tuple[str, str | None]], list[str]]]:
    return {
        each.source.module: (
            each.applied,
            [(one.name, one.phase) for one in each.pending],
            [problem.kind for problem in each.problems],
        )
        for each in await standing(desk)
    }


async def apply(desk: Desk, module: str) -> None:
    await apply_pending(desk.admin_url, desk.source(module))


async def test_each_module_tells_what_is_applied_and_the_phase_of_what_is_pending(desk: Desk) -> None:
    first = [("20260101000000_first", "expand")]
    assert await told(desk) == {"stock": (0, first, []), "till": (0, first, [])}
    await apply(desk, "till")
    write(desk.stack.root, "till", "20260102000000_drop", "DROP TABLE till_things;")
    assert (await told(desk))["till"] == (1, [("20260102000000_drop", "contract")], [])


async def test_what_is_edited_out_of_order_or_unreadable_hides_no_other_module(desk: Desk) -> None:
    await apply(desk, "till")
    write(desk.stack.root, "till", "20260101000000_first", "CREATE TABLE other (id int);")
    write(desk.stack.root, "till", "20250101000000_late", "CREATE TABLE late (id int);")
    write(desk.stack.root, "stock", "20260102000000_bad", "SELEC 1;")
    applied, _, problems = (await told(desk))["till"]
    assert (applied, sorted(problems)) == (1, ["edited", "out-of-order"])
    stock = next(each for each in await standing(desk) if each.source.module == "stock")
    assert [one.phase for one in stock.pending] == ["expand", None]
    assert "20260102000000_bad/migration.sql:1: " in stock.unreadable
    assert not stock.ok
    write(desk.stack.root, "stock", "20260102000000_bad", "\\copy a from b")
    stock = next(each for each in await standing(desk) if each.source.module == "stock")
    assert "\\copy" in stock.unreadable


async def carry_out(desk: Desk, plan: Any) -> Mending:
    mending = Mending(desk)
    step = plan.steps[0]
    await mending.actions()[step.action](step)
    return mending


async def test_a_schema_that_was_made_without_a_record_is_baselined(desk: Desk) -> None:
    async with desk.connected() as connection:
        await connection.execute("CREATE TABLE stock.stock_things (id int PRIMARY KEY)")
    write(desk.stack.root, "stock", "20260102000000_more", "CREATE TABLE more (id int);")
    assert (await told(desk))["stock"][2] == ["baseline"]
    await carry_out(desk, baseline_plan(desk.source("stock"), "20260101000000_first"))
    assert (await told(desk))["stock"] == (1, [("20260102000000_more", "expand")], [])


async def test_what_failed_is_resolved_and_what_cannot_be_is_refused_with_prismas_code(desk: Desk) -> None:
    write(desk.stack.root, "till", "20260102000000_fails", "SELECT 1/0;")
    with pytest.raises(Exception, match="division by zero"):
        await apply(desk, "till")
    assert (await told(desk))["till"][2] == ["failed"]
    await carry_out(desk, resolve_plan(desk.source("till"), "rolled_back", "20260102000000_fails"))
    assert (await told(desk))["till"] == (1, [("20260102000000_fails", "expand")], [])
    mending = Mending(desk)
    step = resolve_plan(desk.source("till"), "applied", "20260101000000_first").steps[0]
    with pytest.raises(HistoryBroken):
        await mending.actions()[step.action](step)
    assert mending.refused is not None
    assert mending.refused.code == "P3008"


async def test_a_plan_of_all_modules_says_what_comes_and_what_stands_in_the_way(desk: Desk) -> None:
    found = await desk.plan()
    assert {each.id for each in found.steps} == {
        "stock/20260101000000_first",
        "till/20260101000000_first",
    }
    assert not found.refusals
    await apply(desk, "till")
    write(desk.stack.root, "till", "20260101000000_first", "CREATE TABLE other (id int);")
    assert [each.kind for each in (await desk.plan()).refusals] == ["history"]


async def test_a_module_without_a_schema_and_a_folder_that_is_not_there_are_told(desk: Desk) -> None:
    with pytest.raises(Refused, match="no module 'tills' has a schema in this stack; did you mean 'till'"):
        await desk.plan({"tills": "x"})
    (desk.stack.root / "modules/till/migrations/20260101000000_first/migration.sql").unlink()
    with pytest.raises(MigrationUnreadable):
        await desk.facts()


async def test_what_cannot_be_read_hides_nothing_of_the_others(desk: Desk) -> None:
    root = desk.stack.root
    write(root, "till", "20260102000000_typo", "ALTER TABEL till_things ADD COLUMN a int;")
    write(root, "stock", "20260102000000_psql", "\\copy things from 'things.csv'\n")
    found = await desk.plan()
    assert [each.id for each in found.steps] == ["till/20260101000000_first"]
    assert sorted((each.kind, each.about) for each in found.refusals) == [
        ("unreadable", "stock"),
        ("unreadable", "till/20260102000000_typo"),
    ]
    assert all("migration.sql:1" in each.sentence for each in found.refusals)


async def test_who_asks_for_what_prismas_rules_forbid_is_told_before_anything_is_planned(
    desk: Desk,
) -> None:
    await apply(desk, "till")
    till, first = desk.source("till"), "20260101000000_first"
    for plan, code in (
        (resolve_plan(till, "applied", first), "P3008"),
        (resolve_plan(till, "applied", "absent"), "P3017"),
        (resolve_plan(till, "rolled_back", first), "P3012"),
        (resolve_plan(till, "rolled_back", "absent"), "P3011"),
        (resolve_plan(till, "edited", first), ""),
        (baseline_plan(till, ""), "P3008"),
    ):
        with pytest.raises(HistoryBroken) as forbidden:
            await Mending(desk).check(plan.steps[0])
        assert forbidden.value.code == code
    script = till.folder / first / "migration.sql"
    script.write_text(f"-- a word more\n{script.read_text()}")
    assert (await told(desk))["till"][2] == ["edited"]
    edited = resolve_plan(till, "edited", first)
    await Mending(desk).check(edited.steps[0])
    await carry_out(desk, edited)
    assert (await told(desk))["till"][2] == []


async def test_a_database_that_is_not_there_is_unanswered(desk: Desk) -> None:
    file = desk.home.secret("pg", "admin_url")
    file.write_text(file.read_text().rpartition("/")[0] + "/nowhere")
    with pytest.raises(Unanswered, match="PostgreSQL does not answer"):
        await desk.facts()


async def test_a_modules_own_tool_is_pending_until_it_ran_for_what_the_folder_holds(desk: Desk) -> None:
    root = desk.stack.root
    (root / "modules/till/module.yaml").write_text(
        MODULE.format(name="till", port=9002).replace(
            "{schema: till}",
            "{schema: till, migrations: {format: command, command: [alembic, upgrade, head]}}",
        )
    )
    desk = Desk(replace(desk.site, stack=load_stack(root)), "process", dict)
    applied, tool, problems = (await told(desk))["till"]
    assert (applied, [phase for _, phase in tool], problems) == (0, [None], [])
    found = await desk.plan()
    assert [each.module for each in found.commands] == ["till"]
    assert "till: its own tool has something to do; `nexus deploy till` runs it" in found.notes
    assert [each.source.module for each in found.steps] == ["stock"]

    async def carry(name: str, command: tuple[str, ...]) -> Ended:
        return Ended(0, "")

    assert await run(desk.admin_url, desk.source("till"), desk.settings, carry) == (tool[0][0],)
    assert (await told(desk))["till"] == (0, [], [])
    assert (await desk.plan()).commands == ()
