"""`nexus migrate` as an operator uses it, on a stack that runs."""

from __future__ import annotations

import json
import os
import signal
from typing import Any

import asyncpg
import pytest

from nexus.testing import eventually

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]

NOTE = "20260201000000_colour"
ADDS = "ALTER TABLE till_rows ADD COLUMN colour text;"


def kinds(events: list[dict[str, Any]]) -> list[str]:
    return [each["event"] if each["event"] != "step" else each["kind"] for each in events]


async def test_what_is_pending_is_planned_applied_told_and_taken_back(small: Any) -> None:
    assert small.read("status")["ok"]
    assert "all schemas are up to date" in small.migrate("status")
    small.write("till", NOTE, ADDS)
    small.write(
        "stock", "20260202000000_reads", "-- nexus: depends=till/" + NOTE + "\nCREATE TABLE more (id int);"
    )
    assert small.pending() == ["stock/20260202000000_reads", f"till/{NOTE}"]
    plan = small.read("plan")
    order = [each["id"] for each in plan["steps"]]
    assert order == [f"till/{NOTE}", "stock/20260202000000_reads"], "what it depends on comes first"
    assert NOTE in small.migrate("apply", "--plan")
    assert len(small.pending()) == 2, "a plan changes nothing"

    events = small.events("apply")
    assert [kind for kind in kinds(events) if kind != "told"] == [
        "plan",
        *("started", "done") * 2,
        "outcome",
    ]
    assert (events[-1]["state"], events[-1]["done"]) == ("done", 2)
    points = [each for each in events if each.get("kind") == "restore-point"]
    assert len(points) == 1, "one restore point, before the first"
    assert small.pending() == []
    assert small.events("apply")[-1]["state"] == "nothing to do"
    columns = await small.query(
        "SELECT column_name FROM information_schema.columns "
        "WHERE table_schema = 'till' AND table_name = 'till_rows'"
    )
    assert "colour" in {row["column_name"] for row in columns}

    needed = small.migrate("undo", "till", "--plan", code=2)
    assert "stock/20260202000000_reads is applied and depends on it" in needed
    assert "DROP TABLE" in small.migrate("undo", "stock", "--plan")
    assert small.events("undo", "stock")[-1]["state"] == "done"
    assert small.events("undo", "till")[-1]["state"] == "done"
    assert small.pending() == ["stock/20260202000000_reads", f"till/{NOTE}"]
    trail = small.control.get("/v1/releases")["trail"]
    assert [each["what"] for each in trail][:3] == [
        f"migrate undo of {NOTE}: done: 1 step",
        f"migrate undo of {NOTE}: asked for",
        "migrate undo of 20260202000000_reads: done: 1 step",
    ]
    assert "migrate apply of 2 migrations: done: 2 steps" in [each["what"] for each in trail]


async def test_what_would_lose_data_is_not_taken_back(small: Any) -> None:
    small.write("till", NOTE, ADDS)
    small.events("apply")
    await small.query("INSERT INTO till.till_rows (id, colour) VALUES (1, 'red') RETURNING id")
    assert "nothing was undone" in small.migrate("undo", "till", code=2)
    assert small.pending() == []


async def test_a_contract_waits_for_the_release_that_runs_without_it(small: Any) -> None:
    small.write("till", "20260203000000_drop", "ALTER TABLE till_rows DROP COLUMN note;")
    plan = small.read("plan")
    assert (plan["steps"], len(plan["later"])) == ([], 1)
    last = small.events("apply")[-1]
    assert (last["state"], last["later"]) == ("nothing to do", 1)
    assert "1 waits for a release" in small.migrate("apply")
    assert small.pending() == ["till/20260203000000_drop"]
    refused = small.migrate("apply", "--to", "till=20260203000000_drop", code=2)
    assert "nothing was applied" in refused


async def test_production_asks_for_a_rehearsal_and_an_override_is_in_the_trail(small: Any) -> None:
    small.policy("migrations: {rehearse_within: 1h}\n")
    small.write("till", NOTE, ADDS)
    assert "rehears" in small.migrate("apply", code=2)
    assert small.pending() == [f"till/{NOTE}"]
    assert small.events("apply", "--override", "the till is closed")[-1]["state"] == "done"
    entry = small.control.get("/v1/releases")["trail"][1]
    asked = ("migrate apply of 1 migration: asked for", "the till is closed")
    assert (entry["what"], entry["reason"]) == asked


async def test_the_trail_tells_what_failed_as_failed_and_what_stays_is_not_called_nothing(
    small: Any,
) -> None:
    small.write("till", NOTE, f"-- nexus: transaction=none\n{ADDS}\nSELECT 1 / 0;")
    last = small.events("apply", code=1)[-1]
    assert last["state"] == "failed"
    assert "no step is done, and of the one that was begun a part may stay" in last["sentence"]
    assert "nothing changed" not in last["sentence"]
    entry = small.control.get("/v1/releases")["trail"][0]
    assert entry["what"].startswith("migrate apply of 1 migration: failed at step 1")
    told = small.read("drift", "till", code=1)
    assert [each["migration"] for each in told["unfinished"]["till"]] == [NOTE]
    drift = small.migrate("drift", "till", code=1)
    assert "resolve" in drift
    assert "DROP COLUMN" not in drift, "half of a migration is completed or resolved, not taken away unasked"


async def test_what_prisma_refuses_is_refused_with_its_code_in_plans_too(small: Any) -> None:
    first = next(iter(small.read("status")["modules"]))["latest"]
    module = next(iter(small.read("status")["modules"]))["module"]
    before = small.control.get("/v1/releases")["trail"]
    assert "[P3008]" in small.migrate("resolve", module, "--applied", first, code=2)
    assert "[P3012]" in small.migrate("resolve", module, "--rolled-back", first, "--plan", code=2)
    last = small.events("baseline", module, "--plan", code=2)[-1]
    assert (last["event"], last["code"]) == ("refused", "P3008")
    assert small.control.get("/v1/releases")["trail"] == before, "what was refused did not happen"


async def test_a_plan_waits_for_nobody(small: Any) -> None:
    small.write("till", NOTE, ADDS)
    holder = await held(small)
    with small.begin("apply", "--json") as running:
        until_it_waits(running)
        assert [each["event"] for each in small.events("apply", "--plan")] == ["plan"]
        await holder.close()
        assert json.loads(list(running.stdout)[-1])["state"] == "done"


async def held(small: Any) -> asyncpg.Connection[Any]:
    """A session that reads the till's rows and does not end its transaction."""
    connection = await asyncpg.connect(small.stack.admin_dsn())
    await connection.execute("BEGIN; LOCK TABLE till.till_rows IN ACCESS SHARE MODE")
    return connection


def until_it_waits(running: Any) -> dict[str, Any]:
    """Reads events up to the one that says for whom a migration waits."""
    for line in running.stdout:
        event = json.loads(line) if line.startswith("{") else {}
        if event.get("kind") == "waiting":
            return dict(event)
    raise AssertionError("it never waited")


async def test_ctrl_c_lets_go_of_what_waits_for_others_and_begins_no_other(small: Any) -> None:
    small.write("till", NOTE, ADDS)
    small.write("till", "20260202000000_more", "CREATE TABLE more (id int);")
    holder = await held(small)
    with small.begin("apply", "--json") as running:
        until_it_waits(running)
        running.send_signal(signal.SIGINT)
        next(line for line in running.stdout if "stopping once the running migration" in line)
        last = json.loads(list(running.stdout)[-1])
    assert (running.returncode, last["state"], last["done"]) == (130, "interrupted", 0)
    assert last["sentence"] == "interrupted at step 1 of 2: nothing changed"
    assert small.pending() == [f"till/{NOTE}", "till/20260202000000_more"]
    assert small.read("status")["ok"]
    await holder.close()
    assert small.events("apply")[-1]["state"] == "done"


async def test_a_control_loop_that_is_ended_lets_go_of_what_waits(small: Any) -> None:
    small.write("till", NOTE, ADDS)
    holder = await held(small)
    with small.begin("apply", "--json") as running:
        until_it_waits(running)
        os.kill(small.control.get("/v1/ping")["pid"], signal.SIGTERM)
        last = json.loads(list(running.stdout)[-1])
    assert (running.returncode, last["state"]) == (130, "interrupted")
    await holder.close()
    assert eventually(lambda: _applied(small), within=60, every=0.5)
    assert small.read("status")["ok"]


async def test_a_killed_control_loop_leaves_what_the_same_command_goes_on_with(small: Any) -> None:
    small.write("till", NOTE, ADDS)
    small.write("till", "20260202000000_more", "CREATE TABLE more (id int);")
    holder = await held(small)
    with small.begin("apply", "--json") as running:
        event = until_it_waits(running)
        named = [each["pid"] for each in event["detail"]["blockers"]]
        assert named == [holder.get_server_pid()], "who holds the lock is named"
        os.kill(small.control.get("/v1/ping")["pid"], signal.SIGKILL)
        rest = running.stdout.read()
        assert running.wait(60) == 1
    assert "the same command goes on where it was" in rest
    await holder.close()
    outcome = eventually(lambda: _applied(small), within=60, every=0.5)
    assert outcome["done"] == 2
    rows = await small.query(
        "SELECT migration_name, count(*) AS n FROM till._prisma_migrations WHERE finished_at IS NOT NULL "
        "GROUP BY migration_name HAVING count(*) > 1"
    )
    assert rows == [], "nothing is applied twice"
    assert small.read("status")["ok"]


def _applied(small: Any) -> dict[str, Any] | None:
    """The outcome of `apply`, once a control loop is there again."""
    done = small.stack.run("migrate", "apply", "--json")
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return lines[-1] if done.returncode == 0 and lines else None


async def test_a_second_operator_waits_and_then_finds_nothing_left(small: Any) -> None:
    small.write("till", NOTE, ADDS)
    holder = await held(small)
    with small.begin("apply", "--json") as first:
        until_it_waits(first)
        with small.begin("apply", "--json") as second:
            waits = json.loads(next(line for line in second.stdout if line.startswith("{")))
            assert waits["event"] == "waiting"
            assert waits["holder"].startswith("migrate apply by ")
            await holder.close()
            ends = [json.loads(list(each.stdout)[-1]) for each in (first, second)]
    assert [each["state"] for each in ends] == ["done", "nothing to do"]


async def test_drift_is_told_with_the_sql_that_mends_it(small: Any) -> None:
    assert small.read("drift")["ok"]
    await small.query("CREATE INDEX stray ON till.till_rows (note)")
    told = small.read("drift", "till", code=1)
    assert not told["ok"]
    assert [each["name"] for each in told["modules"]["till"]] == ["stray"]
    assert "DROP INDEX" in small.migrate("drift", code=1)


async def test_the_map_is_written_and_checked(small: Any) -> None:
    file = small.stack.root / "map.md"
    small.migrate("map", "--write", str(file))
    assert "till_rows" in file.read_text()
    small.migrate("map", "--check", str(file))
    await small.query("CREATE TABLE till.unseen (id int)")
    assert "is not what the database says" in small.migrate("map", "--check", str(file), code=1)
    file.write_bytes(b"\xff\xfe")
    for path in (file, small.stack.root):
        told = small.migrate("map", "--check", str(path), code=2)
        assert "cannot be read" in told
        assert "unexpected" not in told
