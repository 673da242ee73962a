"""What every runtime promises of schemas: on real processes, real Docker and a real Swarm."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from nexus.control.tests.schema_stack import SchemaShop, schema_stack

pytestmark = [pytest.mark.stack, pytest.mark.timeout(240)]


@pytest.fixture(
    scope="module",
    params=[
        # The control loop's own tests of schemas ask the same of plain processes.
        pytest.param("process", marks=pytest.mark.soak),
        pytest.param("compose", marks=pytest.mark.docker),
        pytest.param("swarm", marks=[pytest.mark.docker, pytest.mark.swarm]),
    ],
)
def shop(request: pytest.FixtureRequest, where: Mapping[str, tuple[str, ...]]) -> Iterator[SchemaShop]:
    """A running stack of three modules with schemas, one of them migrated by a tool of its own."""
    if request.param == "swarm":
        request.getfixturevalue("data_node")
    with schema_stack(where[request.param]) as running:
        yield running


def _read(shop: SchemaShop, *arguments: str) -> dict[str, Any]:
    """What a command on migrations answers as JSON."""
    told: dict[str, Any] = json.loads(shop.stack.nexus("migrate", *arguments, "--json"))
    return told


def _pending(shop: SchemaShop) -> list[str]:
    """`module/name` of all that is pending."""
    modules = _read(shop, "status")["modules"]
    return [f"{each['module']}/{one['name']}" for each in modules for one in each["pending"]]


def test_what_expands_is_applied_told_and_taken_back(shop: SchemaShop) -> None:
    shop.migration("2_name", "-- nexus: depends=stock/4_colour\nALTER TABLE orders ADD COLUMN name text;")
    shop.migration("4_colour", "ALTER TABLE items ADD COLUMN colour text;", "stock")
    assert [each["id"] for each in _read(shop, "plan")["steps"]] == ["stock/4_colour", "shop/2_name"]
    shop.stack.nexus("migrate", "apply", "--yes")
    assert _pending(shop) == []
    assert _read(shop, "drift")["ok"]
    assert "colour" in shop.stack.nexus("migrate", "map")
    shop.stack.nexus("migrate", "undo", "shop", "--yes")
    assert _pending(shop) == ["shop/2_name"]
    assert (shop.columns("shop.orders"), shop.columns("stock.items")) == (["id", "note"], ["colour", "id"])


def test_a_rehearsal_copies_the_data_and_starts_the_running_releases_on_it(shop: SchemaShop) -> None:
    report = _read(shop, "rehearse")
    assert report["ok"]
    assert report["migrations"] == ["shop/2_name"]
    tried = {each["module"]: each["state"] for each in report["smoke"]}
    assert tried == {"shop": "passed", "stock": "passed", "books": "passed"}
    assert _pending(shop) == ["shop/2_name"], "the living data is as it was"


def test_a_deploy_expands_before_its_release_and_contracts_when_nothing_older_runs(shop: SchemaShop) -> None:
    shop.write("2")
    shop.migration("3_note", "ALTER TABLE orders DROP COLUMN note;")
    done = shop.stack.run("deploy", "shop", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    carried = [each["action"] for each in events if each["event"] == "step" and each["kind"] == "done"]
    first, last = carried.index("migrate"), carried.index("contract")
    assert set(carried[first + 1 : last]) > {"watch"}, "the release is let in between the two"
    assert carried[-2:] == ["watch", "contract"]
    assert shop.applied() == ["1_orders", "2_name", "3_note"]
    assert shop.columns("shop.orders") == ["id", "name"]
    assert shop.answers() == {"2"}
    assert _read(shop, "drift")["ok"]


def test_a_tool_of_a_module_runs_as_a_task_of_the_release_that_brings_it(shop: SchemaShop) -> None:
    shop.tool("2.sql", "ALTER TABLE entries ADD COLUMN amount numeric")
    shop.stack.nexus("deploy", "books")
    assert shop.columns("books.entries") == ["amount", "id"]
    assert "nothing to do" in shop.stack.nexus("up")
