"""Schemas at `up`, deploys and rollbacks of a small stack, by the `nexus` command."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from nexus.control.tests.schema_stack import SchemaShop, schema_stack

READ = "BEGIN; LOCK shop.orders IN ACCESS SHARE MODE"
WAITS = "DO $$ BEGIN WHILE NOT pg_try_advisory_lock(77) LOOP PERFORM pg_sleep(0.02); END LOOP; END $$"
RUNS = (
    "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%try_advisory_lock(77)%' AND usename = 'books'"
)

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(
    scope="module",
    params=[
        pytest.param((), id="process"),
        # tests/runtimes asks the core of it of containers.
        pytest.param(("--runtime", "compose"), id="compose", marks=[pytest.mark.docker, pytest.mark.soak]),
    ],
)
def shop(request: pytest.FixtureRequest) -> Iterator[SchemaShop]:
    with schema_stack(request.param) as running:
        yield running


def deploy(shop: SchemaShop, name: str) -> tuple[int, dict[str, Any], list[dict[str, Any]]]:
    """Deploys a module: the exit code, the last event, and all events."""
    done = shop.stack.run("deploy", name, "--json")
    events = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert events, done.stderr
    return done.returncode, events[-1], events


def actions(last: dict[str, Any]) -> list[str]:
    return [each["action"] for each in last["evidence"]["steps"]]


def test_up_migrates_modules_in_the_order_in_which_they_depend_on_each_other(shop: SchemaShop) -> None:
    rows = shop.fetch(
        "SELECT 'shop/' || migration_name, started_at FROM shop._prisma_migrations UNION ALL "
        "SELECT 'stock/' || migration_name, started_at FROM stock._prisma_migrations ORDER BY 2"
    )
    assert [name for name, _ in rows] == ["stock/1_first", "stock/2_items", "shop/1_orders", "stock/3_more"]
    assert "nothing to do" in shop.stack.nexus("up")


def test_a_tool_of_a_module_makes_its_tables_as_the_owner_and_runs_again_when_its_folder_changes(
    shop: SchemaShop,
) -> None:
    owners = shop.fetch("SELECT tablename, tableowner FROM pg_tables WHERE schemaname = 'books' ORDER BY 1")
    assert owners == [("entries", "books_owner"), ("version", "books_owner")]
    shop.tool("2.sql", "ALTER TABLE entries ADD COLUMN amount numeric")
    code, last, _ = deploy(shop, "books")
    assert (code, last["state"]) == (0, "promoted")
    assert "migrate" in actions(last)
    assert shop.columns("books.entries") == ["amount", "id"]
    shop.tool("3.sql", "ALTER TABLE nowhere ADD COLUMN amount numeric")
    code, last, _ = deploy(shop, "books")
    assert (code, last["state"]) == (1, "failed")
    assert "`python -m tool` ended with exit code 1" in last["sentence"]
    assert "42P01" in last["sentence"]
    assert not shop.fetch("SELECT FROM pg_auth_members WHERE member = 'books'::regrole")
    (shop.stack.root / "modules" / "books" / "versions" / "3.sql").unlink()


def test_a_tool_that_outlives_the_control_loop_is_waited_for_and_not_run_again(shop: SchemaShop) -> None:
    shop.tool("3.sql", WAITS)
    killed = False
    with (
        shop.holding("SELECT pg_advisory_lock(77)") as let_go,
        shop.begin("deploy", "books", "--json") as run,
    ):
        assert run.stdout is not None
        for line in run.stdout:
            last = json.loads(line) if line.startswith("{") else {}
            if last.get("event") == "told" and last["kind"] == "started" and not killed:
                while shop.fetch(RUNS) == [(0,)]:
                    continue
                os.kill(shop.control.get("/v1/ping")["pid"], signal.SIGKILL)
                killed = True
                let_go()
    assert killed
    assert (last["exit_code"], last["state"]) == (0, "promoted")
    assert shop.fetch("SELECT name FROM books.version ORDER BY 1") == [("1.sql",), ("2.sql",), ("3.sql",)]
    outcomes = shop.fetch(
        "SELECT outcome FROM nexus.migration_run WHERE schema_name = 'books' ORDER BY ended_at"
    )
    assert outcomes == [("applied",), ("applied",), ("failed",), ("applied",)]
    assert not shop.fetch("SELECT FROM pg_auth_members WHERE member = 'books'::regrole")


def test_a_tool_that_breaks_an_invariant_of_the_stack_fails_and_says_which(shop: SchemaShop) -> None:
    folder = shop.stack.root / "modules" / "books" / "invariants"
    folder.mkdir()
    question = (
        "-- title: No entry is negative\n-- needs: books\nSELECT id FROM books.entries WHERE amount < 0"
    )
    (folder / "no_entry_is_negative.sql").write_text(question)
    shop.tool("4.sql", "INSERT INTO entries VALUES (1, -1), (2, 1)")
    code, last, _ = deploy(shop, "books")
    assert (code, last["state"]) == (1, "failed")
    assert (
        "no longer holds: books/no-entry-is-negative (No entry is negative): 1 row. What it did"
        in last["sentence"]
    )
    shop.fetch("UPDATE books.entries SET amount = 0 WHERE amount < 0")
    code, last, _ = deploy(shop, "books")
    assert (code, last["state"]) == (0, "promoted")


def test_a_release_that_does_not_start_leaves_what_contracts_undone_and_up_is_content(
    shop: SchemaShop,
) -> None:
    shop.write("2", mood="ends")
    shop.migration("2_name", "ALTER TABLE orders ADD COLUMN name text;")
    shop.migration("3_note", "ALTER TABLE orders DROP COLUMN note;")
    code, last, _ = deploy(shop, "shop")
    assert code == 1
    assert last["state"] in ("failed", "rolled back")  # by how it was to be let in on this runtime
    assert shop.applied() == ["1_orders", "2_name"]
    assert shop.columns("shop.orders") == ["id", "name", "note"]
    assert shop.answers() == {"1"}
    assert "nothing to do" in shop.stack.nexus("up")


def test_a_loop_killed_while_it_contracts_is_followed_by_one_that_does_so_once(shop: SchemaShop) -> None:
    shop.write("2")
    plan = shop.stack.nexus("deploy", "shop", "--plan")
    assert "contract shop: apply 1 migration (3_note); nobody can go back across it" in plan
    code, last = shop.killed_at("contract")
    assert (code, last["state"]) == (0, "promoted")
    assert actions(last)[-2:] == ["watch", "contract"]
    assert shop.applied() == ["1_orders", "2_name", "3_note"]
    assert shop.columns("shop.orders") == ["id", "name"]
    assert shop.answers() == {"2"}
    ((side, _),) = shop.running()
    assert side == "stable"


def test_nobody_goes_back_across_what_was_contracted(shop: SchemaShop) -> None:
    done = shop.stack.run("rollback", "shop", "--yes")
    assert done.returncode == 2
    assert "cannot run on its schema: migration 3_note is applied, a contract" in done.stdout + done.stderr


def test_what_expands_behind_a_contract_is_refused_and_nothing_changes(shop: SchemaShop) -> None:
    shop.write("3")
    shop.migration("4_name", "ALTER TABLE orders DROP COLUMN name;")
    shop.migration("5_title", "ALTER TABLE orders ADD COLUMN title text;")
    done = shop.stack.run("deploy", "shop")
    assert done.returncode == 2
    assert "needs migration 5_title, which stands behind 4_name" in done.stdout + done.stderr
    assert shop.applied() == ["1_orders", "2_name", "3_note"]
    shop.take_out("5_title")


def test_a_contract_that_waits_for_a_release_is_left_out_until_it_is_there(shop: SchemaShop) -> None:
    shop.take_out("4_name")
    shop.migration("4_name", "-- nexus: after-release=stock>=2.0\nALTER TABLE orders DROP COLUMN name;")
    code, last, events = deploy(shop, "shop")
    assert (code, last["state"]) == (0, "promoted")
    notes = next(each["plan"]["notes"] for each in events if each["event"] == "plan")
    assert any("4_name is not applied by this deploy: it waits for stock>=2.0" in note for note in notes)
    assert shop.columns("shop.orders") == ["id", "name"]
    assert "nothing to do" in shop.stack.nexus("up")
    assert "promoted" in shop.stack.nexus("rollback", "shop", "--yes")  # nothing stands between the two
    assert shop.answers() == {"2"}
    assert deploy(shop, "shop")[0] == 0
    assert shop.answers() == {"3"}
    assert shop.columns("shop.orders") == ["id", "name"]
    manifest = shop.stack.root / "modules" / "stock" / "module.yaml"
    manifest.write_text(manifest.read_text() + 'version: "2.0"\n')
    assert deploy(shop, "stock")[0] == 0
    waiting: list[list[dict[str, Any]]] = []
    with shop.holding(READ) as let_go, shop.begin("deploy", "shop", "--json") as running:
        assert running.stdout is not None
        for line in running.stdout:
            last = json.loads(line) if line.startswith("{") else {}
            if last.get("event") == "told" and last["kind"] == "waiting" and not waiting:
                waiting.append(last["detail"]["blockers"])
                let_go()
    assert [blocker["user"] for blocker in waiting[0]] == ["postgres"]
    assert (last["exit_code"], actions(last)) == (0, ["contract"])
    assert shop.columns("shop.orders") == ["id"]


def test_a_contract_that_fails_takes_no_release_back(shop: SchemaShop) -> None:
    shop.write("4")
    shop.migration("6_gone", "ALTER TABLE orders DROP COLUMN never_there;")
    code, last, _ = deploy(shop, "shop")
    assert (code, last["state"]) == (3, "held")
    assert "runs, and what contracts is not applied: " in last["sentence"]
    assert "6_gone" in last["sentence"]
    assert shop.answers() == {"4"}
    refused = shop.stack.run("deploy", "--resume")
    assert refused.returncode
    assert "nexus migrate resolve shop --rolled-back 6_gone" in refused.stdout + refused.stderr
    shop.fetch("ALTER TABLE shop.orders ADD COLUMN never_there int")
    shop.stack.nexus("migrate", "resolve", "shop", "--rolled-back", "6_gone")
    assert "promoted" in shop.stack.nexus("deploy", "--resume")
    assert shop.columns("shop.orders") == ["id"]


def test_one_that_failed_stops_only_what_is_to_be_applied(shop: SchemaShop) -> None:
    shop.write("5")
    shop.migration("7_bad", "SELECT 1/0;")
    code, last, _ = deploy(shop, "shop")
    assert (code, last["state"]) == (1, "failed")
    assert "nexus migrate resolve shop --rolled-back 7_bad" in last["sentence"]
    assert shop.answers() == {"4"}
    again = shop.stack.run("deploy", "shop")
    assert again.returncode == 2
    assert "nexus migrate resolve shop --rolled-back 7_bad" in again.stdout + again.stderr
    assert "nothing to do" in shop.stack.nexus("up")
    shop.brick("stock", "5", port=9002)
    assert deploy(shop, "stock")[0] == 0
    shop.stack.nexus("down")
    assert "nexus migrate resolve shop --rolled-back 7_bad" in shop.stack.nexus("up")
    assert shop.answers() == {"4"}
    shop.stack.nexus("migrate", "resolve", "shop", "--rolled-back", "7_bad")
    shop.take_out("7_bad")


def test_what_a_release_makes_and_takes_away_itself_stands_in_nobodys_way_back(shop: SchemaShop) -> None:
    shop.migration("7_made", "CREATE TABLE made (id int);")
    shop.migration("8_gone", "DROP TABLE made;")
    code, last, _ = deploy(shop, "shop")
    assert (code, last["state"]) == (0, "promoted")
    assert "contract" not in actions(last)
    assert "promoted" in shop.stack.nexus("rollback", "shop", "--yes")
    assert shop.answers() == {"4"}


def test_a_loop_killed_between_migrations_leaves_what_contracts_to_the_end(shop: SchemaShop) -> None:
    shop.fetch("ALTER TABLE shop.orders ADD COLUMN late int")
    shop.write("6")
    shop.migration("9_a_made", "CREATE TABLE made (id int);")
    shop.migration("9_b_gone", "DROP TABLE made; LOCK TABLE orders; ALTER TABLE orders ADD COLUMN more int;")
    shop.migration("9_c_late", "ALTER TABLE orders DROP COLUMN late;")
    with shop.holding("BEGIN; LOCK shop.orders") as let_go, shop.begin("deploy", "shop", "--json") as running:
        assert running.stdout is not None
        killed = 0
        last: dict[str, Any] = {}
        for line in running.stdout:
            last = json.loads(line) if line.startswith("{") else last
            if not killed and last.get("event") == "told" and last["kind"] == "waiting":
                killed = shop.control.get("/v1/ping")["pid"]
                os.kill(killed, signal.SIGKILL)
                let_go()
    shop.until_followed(killed)
    assert (running.returncode, last["state"]) == (0, "promoted")
    assert actions(last)[-2:] == ["watch", "contract"]
    assert shop.applied()[-3:] == ["9_a_made", "9_b_gone", "9_c_late"]


def test_a_module_that_is_new_leaves_nothing_but_what_needs_others_first(shop: SchemaShop) -> None:
    waits = "-- nexus: phase=contract\n-- nexus: after-release=stock>=9.0\n"
    shop.brick("extra", "1", port=9004)
    shop.migration("1_made", "CREATE TABLE made (id int, old int);", "extra")
    shop.migration("2_gone", f"{waits}ALTER TABLE made DROP COLUMN old;", "extra")
    shop.migration("3_more", "ALTER TABLE made ADD COLUMN new int;", "extra")
    later = "-- nexus: phase=expand\n-- nexus: after-release=stock>=9.0\n"
    shop.migration("4_later", f"{later}ALTER TABLE made ADD COLUMN later int;", "extra")
    assert "4_later waits: it waits for stock>=9.0" in shop.stack.nexus("up")
    assert shop.columns("extra.made") == ["id", "new"]


def test_what_the_stack_asks_of_migrations_counts_from_the_next_up(shop: SchemaShop) -> None:
    shop.stack.nexus("up")
    manifest = shop.stack.root / "nexus.yaml"
    manifest.write_text(manifest.read_text() + "migrations: {rehearse_within: 24h}\n")
    assert "nothing to do" in shop.stack.nexus("up")
    shop.write("7")
    shop.migration("9_d_more", "CREATE TABLE new (id int);")
    done = shop.stack.run("deploy", "shop")
    assert done.returncode == 2
    assert "what is pending (9_d_more) was never rehearsed" in done.stdout + done.stderr
