"""`nexus contracts`: who relies on whom, and what the working tree would break."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from nexus.cli.main import app
from nexus.releases.artefact import snapshot
from nexus.releases.catalogue import Catalogue
from nexus.runtimes.home import Home
from nexus.stack import load_stack

TITLE = "GET /api/shop/things/{id}"
FIELDS = {"id": {"type": "string"}, "price": {"type": "string"}}


def document(*fields: str) -> str:
    schema = {"type": "object", "required": fields, "properties": {name: FIELDS[name] for name in fields}}
    answer = {"200": {"content": {"application/json": {"schema": schema}}}}
    return json.dumps({"paths": {"/api/shop/things/{id}": {"get": {"responses": answer}}}})


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A stack of two bricks: the till reads the price of a thing of the shop."""
    (tmp_path / "nexus.yaml").write_text("name: two\nbricks: [bricks/*]\n")
    for name, port in (("shop", 4001), ("till", 4002)):
        folder = tmp_path / "bricks" / name
        (folder / "contracts").mkdir(parents=True)
        (folder / "module.yaml").write_text(
            f"name: {name}\nruntime: command\ncommand: [true]\nport: {port}\n"
        )
    uses = {"shop": {"requests": {TITLE: {"reads": ["price"]}}}}
    (tmp_path / "bricks/till/contracts/uses.json").write_text(json.dumps(uses))
    (tmp_path / "bricks/shop/contracts/openapi.json").write_text(document("id", "price"))
    return tmp_path


def run(root: Path, *words: str) -> tuple[int, str]:
    env = {"NEXUS_ROOT": str(root), "NEXUS_HOME": str(root / "home"), "COLUMNS": "160"}
    done = CliRunner().invoke(app, ["contracts", *words], env=env)
    return done.exit_code, done.output


def released(root: Path) -> None:
    home = Home.at(root / "home")
    stack = load_stack(root)
    catalogue = Catalogue(home.database)
    releases = [catalogue.add(snapshot(stack, each, home, "test")) for each in stack.services]
    catalogue.make_stable({each.service: each.id for each in releases}, "first")
    catalogue.close()


def test_it_shows_who_relies_on_what(root: Path) -> None:
    code, told = run(root, "--json")
    expected: dict[str, Any] = {"provider": "shop", "what": TITLE, "consumers": ["till"], "fields": 1}
    assert (code, json.loads(told)) == (0, {"reliances": [expected]})
    assert TITLE in run(root, "shop")[1]
    assert TITLE not in run(root, "till")[1]


def test_a_module_that_is_none_is_refused_with_those_there_are(root: Path) -> None:
    assert run(root, "shup") == (2, "nexus: there is no module 'shup'; there are: shop, till\n")


def test_the_tree_is_compared_with_itself_while_nothing_runs(root: Path) -> None:
    assert run(root, "check")[0] == 0
    (root / "bricks/shop/contracts/openapi.json").write_text(document("id"))
    code, told = run(root, "check")
    assert code == 1
    assert told.splitlines() == [
        f"BREAK till relies on price of {TITLE} (shop): it is gone",
        "uses that would break: 1; compared with the working tree itself (nothing runs)",
    ]


def test_the_tree_is_compared_with_the_releases_that_are_stable(root: Path) -> None:
    released(root)
    (root / "bricks/shop/contracts/openapi.json").write_text(document("id"))
    (root / "bricks/till/contracts/uses.json").write_text("{}")
    code, told = run(root, "check", "--json")
    found = json.loads(told)
    assert (code, found["ok"], found["released"]) == (1, False, True)  # the till that runs still reads it
    assert [each["field"] for each in found["breaks"]] == ["price"]
    assert run(root, "check", "till")[0] == 0
