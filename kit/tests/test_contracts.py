"""What a module tells and reads is noted, and held against its contracts."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pytest
from nexus_kit.contracts.reads import watched
from nexus_kit.contracts.recorded import fields_of
from nexus_kit.testing import told
from nexus_kit.testing.examples import Examples
from nexus_kit.testing.fixtures import MODULES, modules

ROOT = MODULES.parent
ID = "019ab3f1-7c54-7d10-9a52-0242ac120002"


def noted(value: Any) -> tuple[Any, list[tuple[str, bool]]]:
    seen: list[tuple[str, bool]] = []
    return watched(value, lambda field, asks: seen.append((field, asks))), seen


def test_a_watched_value_is_what_it_was_and_tells_what_is_read() -> None:
    value = {"id": 1, "lines": [{"sku": "a", "more": {"x": None}}], "name": "n"}
    data, seen = noted(value)
    assert data == value
    assert orjson.dumps(data) == orjson.dumps(value)
    seen.clear()
    assert (data["id"], data["lines"][0]["more"].get("x"), data.get("none"), "name" in data) == (
        1,
        None,
        None,
        True,
    )
    assert seen == [
        ("id", False), ("lines", False), ("lines[].more", False), ("lines[].more.x", True),
        ("none", True), ("name", True),
    ]  # fmt: skip


@pytest.mark.parametrize("through", [dict, list, partial(sorted), lambda d: list(d.items()), lambda d: {**d}])
def test_whoever_goes_through_all_fields_reads_each(through: Any) -> None:
    data, seen = noted({"a": 1, "b": 2})
    through(data)
    assert {field for field, _ in seen} == {"a", "b"}


def test_the_fields_of_a_body_are_named_once_whatever_the_number_of_items() -> None:
    assert fields_of({"a": [{"b": 1}, {"c": {"d": 2}}]}) == ["a", "a[].b", "a[].c", "a[].c.d"]


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A brick with contracts, and one it relies on."""
    sold = {
        "type": "object",
        "required": ["id"],
        "properties": {
            "id": {"type": "string", "format": "uuid"},
            "lines": {"items": {"properties": {"no": {}}}},
        },
    }
    paths = {"/api/till/{key}": {"get": {}}, "/api/till/all": {"get": {}}}
    uses = {
        "till": {
            "requests": {"GET /api/till/{key}": {"query": ["q"], "reads": ["rows[].id", "who"]}},
            "events": {"paid": {"reads": ["id"]}},
        }
    }
    written = {
        "shop/contracts/events.json": {"thing.sold": sold},
        "shop/contracts/uses.json": uses,
        "till/contracts/openapi.json": {"paths": paths},
        "till/contracts/events.json": {"paid": {"properties": {"id": {}, "sum": {}}}},
    }
    for name, content in written.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(content))
    return tmp_path / "shop"


def asked(query: list[str] = [], body: list[str] = [], title: str = "GET /api/till/7") -> dict[str, Any]:  # noqa: B006
    return {"asked": title, "of": "till", "query": query, "body": body}


def read(field: str) -> dict[str, Any]:
    return {"read": "GET /api/till/7", "of": "till", "field": field, "asks": False}


def heard(field: str, asks: bool = False) -> dict[str, Any]:
    return {"heard": "paid", "of": "till", "field": field, "asks": asks}


@pytest.mark.parametrize(
    ("record", "fault"),
    [
        ({"told": "thing.sold", "data": {"id": ID}}, None),
        ({"told": "thing.lost", "data": {}}, "does not know thing.lost, which is published"),
        (
            {"told": "thing.sold", "data": {}},
            'thing.sold was published with data: "id" is a required property',
        ),
        ({"told": "thing.sold", "data": {"id": "7"}}, "thing.sold was published with data/id: "),
        (
            {"told": "thing.sold", "data": {"id": ID, "x": 1}},
            "thing.sold does not name x, which is published",
        ),
        ({"told": "thing.sold", "data": {"id": ID, "lines": [{"y": 1}]}}, "does not name lines[].y"),
        (asked(["q"]), None),
        (asked(["page"]), "till: GET /api/till/{key}: 'query' lacks 'page', which it sends"),
        (asked([], ["name"]), "till: GET /api/till/{key}: 'body' lacks 'name', which it sends"),
        (asked(["q"], title="GET /api/till/all"), "till: GET /api/till/all: 'query' lacks 'q'"),
        (read("rows"), None),
        (read("rows[].id"), None),
        (read("who.name"), None),
        (read("rows[].no"), "till: GET /api/till/{key}: 'reads' lacks 'rows[].no', which it reads"),
        (heard("id"), None),
        (heard("sum"), "till: paid: 'reads' lacks 'sum', which it reads"),
        (heard("sum", asks=True), "till: paid: 'reads' lacks 'sum', which it reads"),
        (heard("nothing", asks=True), None),
    ],
)
def test_what_contradicts_a_contract_is_told(shop: Path, record: dict[str, Any], fault: str | None) -> None:
    faults = told.check(shop, [record])
    assert len(faults) == (fault is not None)
    assert (fault or "") in "".join(faults)


def test_what_is_declared_and_not_used_is_told(shop: Path) -> None:
    assert told.unread(shop, [read("who"), heard("id")]) == [
        "till GET /api/till/{key} query q",
        "till GET /api/till/{key} reads rows[].id",
    ]


def test_a_brick_without_contracts_promises_nothing(tmp_path: Path) -> None:
    assert told.check(tmp_path, [{"told": "x", "data": {}}, heard("id"), asked(["q"])]) == []


def test_a_document_that_is_not_what_the_code_says_is_told_and_mended(tmp_path: Path) -> None:
    folder = tmp_path / "echo"
    (folder / "nexus_echo").mkdir(parents=True)
    (folder / "module.yaml").write_text("name: echo\nsecrets: [seal]\n")
    (folder / "nexus_echo/__init__.py").write_text("")
    code = "import os\nfrom nexus_kit import Module\nassert open(os.environ['SEAL_FILE']).read()\n"
    code += "Module('echo').run()\n"
    (folder / "nexus_echo/__main__.py").write_text(code)
    program = [sys.executable, "-m", "nexus_kit.contracts", str(folder)]

    def run(*more: str) -> int:
        env = {"PYTHONPATH": str(ROOT / "kit"), "PYTHONDONTWRITEBYTECODE": "1"}
        return subprocess.run([*program, *more], env=env, capture_output=True, check=False).returncode

    assert [run("--check"), run(), run("--check")] == [1, 0, 0]


async def test_a_module_that_does_not_keep_its_contracts_fails_its_tests(
    pg: Any, valkey: Any, key_server: Any, tmp_path: Path
) -> None:
    folder = shutil.copytree(Path(__file__).parent / "echo_module", tmp_path / "echo")
    (folder / "contracts").mkdir()
    (folder / "contracts/events.json").write_text("{}")
    (folder / "contracts/uses.json").write_text("{}")
    async with modules(pg, valkey, key_server) as start:
        echo = await start("echo", folder=folder)
        await echo.publish("source", "ping")
        await echo.publish("source", "batch.ping", data={"poison": False})
        await echo.events("ping.seen")
        await echo.wait(lambda: echo.admin.fetchval("SELECT count(*) = 2 FROM pings"))
        with pytest.raises(AssertionError) as told_off:
            await echo.close()
    assert str(told_off.value).splitlines() == [
        "echo does not keep its contracts:",
        "contracts/events.json does not know ping.seen, which is published",
        "contracts/uses.json: source: batch.ping: 'reads' lacks 'poison', which it reads",
    ]


def test_made_up_answers_have_every_field_of_the_contract(tmp_path: Path) -> None:
    answer = {
        "type": "object",
        "properties": {
            "state": {"enum": ["a", "b"]},
            "at": {"format": "date", "type": "string"},
            "n": {"$ref": "#/components/schemas/N"},
        },
    }
    document = {
        "paths": {
            "/x": {"get": {"responses": {"200": {"content": {"application/json": {"schema": answer}}}}}}
        },
        "components": {"schemas": {"N": {"anyOf": [{"type": "integer"}, {"type": "null"}]}}},
    }
    (tmp_path / "contracts").mkdir()
    (tmp_path / "contracts/openapi.json").write_text(json.dumps(document))
    examples = Examples(tmp_path)
    made = [examples.answer("GET", "/x", round) for round in range(8)]
    assert all(status == 200 and value.keys() == {"state", "at", "n"} for status, value in made)
    assert {value["state"] for _, value in made} == {"a", "b"}
