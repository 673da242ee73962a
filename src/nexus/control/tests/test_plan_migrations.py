"""The steps of `up` that migrate: their order over modules, and what is held back."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from nexus.control.facts import Facts, InstanceFacts, SchemaFacts
from nexus.control.holding import held, schemas, with_failed, with_followers
from nexus.control.inferring import with_needs
from nexus.control.plan_migrations import migrations
from nexus.control.plan_up import plan_up
from nexus.migrations.declared import ReleaseNeed
from nexus.releases import Catalogue
from nexus.releases.brought import brought_by
from nexus.releases.facts import MigrationFacts
from nexus.runtimes.home import Home
from nexus.runtimes.protocol import StartError
from nexus.runtimes.site import Site
from nexus.stack import Stack, load_stack
from nexus.stack.migrating import MigrationPolicy

BRICK = "{name: %s, runtime: python, port: %d, needs: {hard: [db]}, database: {schema: %s%s}, version: '1.0'}"
ADD, DROP = MigrationFacts("1_add", "expand"), MigrationFacts("2_drop", "contract", "line 1 drops a")
SCRIPTS = {
    "till": {"1_orders": "CREATE TABLE orders (id int, item int REFERENCES stock.items (id));"},
    "stock": {
        "1_items": "CREATE TABLE items (id int PRIMARY KEY);",
        "2_open": "-- nexus: depends=till/1_orders\nCREATE TABLE open (id int);",
    },
}


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    text = "name: shop\ninfrastructure:\n  db: {kind: database, runtime: postgres, port: 5433}\n"
    (tmp_path / "nexus.yaml").write_text(text)
    tool = ", migrations: {format: command, path: migrations, command: [alembic, upgrade, head]}"
    for port, (name, more) in enumerate({"till": "", "stock": "", "books": tool}.items(), 5010):
        (tmp_path / "modules" / name / "migrations").mkdir(parents=True)
        (tmp_path / "modules" / name / "module.yaml").write_text(BRICK % (name, port, name, more))
        for script, sql in SCRIPTS.get(name, {}).items():
            (tmp_path / "modules" / name / "migrations" / script).mkdir()
            (tmp_path / "modules" / name / "migrations" / script / "migration.sql").write_text(sql)
    return load_stack(tmp_path)


def facts(stack: Stack, **pending: tuple[MigrationFacts, ...]) -> Facts:
    names = {name: tuple(each.name for each in those) for name, those in pending.items()}
    every = {"till": (), "stock": (), "books": (), **names}
    ports = {service.name: service.port for service in stack.services}
    return Facts(ports, pending=every, schemas={n: SchemaFacts(those) for n, those in pending.items()})


def told(stack: Stack, known: Facts) -> list[tuple[str, dict[str, str], tuple[str, ...]]]:
    steps = migrations(stack, known, ())
    ids = {step.id for step in steps}
    return [(s.id, dict(s.arguments), tuple(each for each in s.after if each in ids)) for s in steps]


def test_each_module_has_one_step_and_waits_only_for_what_it_depends_on(stack: Stack) -> None:
    needs = MigrationFacts("1_orders", "expand", depends=("stock/1_add",))
    assert told(stack, facts(stack, till=(needs,), stock=(ADD, replace(ADD, name="2_more")))) == [
        ("migrate stock", {}, ()),
        ("migrate till", {}, ("migrate stock",)),
    ]


def test_modules_take_turns_where_they_must(stack: Stack) -> None:
    first = MigrationFacts("1_orders", "expand", depends=("stock/1_add",))
    back = MigrationFacts("2_open", "expand", depends=("till/1_orders",))
    assert told(stack, facts(stack, till=(first,), stock=(ADD, back))) == [
        ("migrate stock 1_add", {"names": "1_add"}, ()),
        ("migrate till", {}, ("migrate stock 1_add",)),
        ("migrate stock", {"names": "2_open"}, ("migrate stock 1_add", "migrate till")),
    ]


def test_what_is_held_is_left_out_and_told(stack: Stack) -> None:
    known = facts(stack, till=(ADD, DROP))
    waits = replace(known, schemas={"till": SchemaFacts((ADD, DROP), {"2_drop": "release x still runs"})})
    assert told(stack, waits) == [("migrate till", {"names": "1_add"}, ())]
    assert plan_up(stack, waits).notes[0] == (
        "till: the contract migration 2_drop waits: release x still runs; `nexus migrate apply` applies it "
        "later"
    )
    alone = replace(waits, pending={**waits.pending, "till": ("2_drop",)})
    alone = replace(alone, schemas={"till": SchemaFacts((DROP,), {"2_drop": "release x still runs"})})
    assert told(stack, alone) == []


def test_what_waits_holds_its_module_behind_it_and_what_depends_on_it() -> None:
    more = MigrationFacts("3_more", "expand")
    needs = MigrationFacts("1_orders", "expand", depends=("till/3_more",))
    found = with_followers(
        {
            "stock": SchemaFacts((ADD, replace(needs, name="2_needs"), more)),
            "till": SchemaFacts((ADD, DROP, more), {"2_drop": "release x still runs"}),
        }
    )
    assert found["till"].held == {
        "2_drop": "release x still runs",
        "3_more": "it comes after till/2_drop, which waits",
    }
    assert found["stock"].held == {
        "2_needs": "it comes after till/3_more, which waits",
        "3_more": "it comes after stock/2_needs, which waits",
    }


def test_a_tool_runs_when_its_module_is_built(stack: Stack) -> None:
    known = replace(facts(stack), pending={"till": (), "stock": (), "books": ("command-0123",)})
    (step,) = migrations(stack, known, ())
    assert (step.id, dict(step.arguments)) == ("migrate books", {})
    assert "build books" in step.after


@pytest.mark.parametrize(
    ("older", "unfinished", "versions", "why"),
    [
        ((), "", {"stock": ["2.0"]}, ""),
        (("abc",), "", {"stock": ["2.0"]}, "release abc of till still runs"),
        ((), "deployment 7 is not finished", {"stock": ["2.0"]}, "deployment 7 is not finished"),
        ((), "", {"stock": ["2.0", "1.9"]}, "it waits for stock>=2.0, and stock 1.9 runs"),
        ((), "", {}, "it waits for stock>=2.0, and stock is not part of the stack"),
    ],
)
def test_a_contract_is_held_while_something_needs_what_it_takes_away(
    stack: Stack, older: tuple[str, ...], unfinished: str, versions: dict[str, list[str]], why: str
) -> None:
    drop = replace(DROP, after=(ReleaseNeed("stock", "2.0"),))
    found = held(stack.service("till"), (ADD, drop), older, unfinished, versions)
    assert found == ({"2_drop": why} if why else {})


async def test_before_the_database_runs_all_of_the_folders_is_ordered(stack: Stack, tmp_path: Path) -> None:
    site = Site(stack, Home.at(tmp_path / "home"), {})
    known = Facts({}, {"till": (InstanceFacts("till-1", 7, 1, "old", "ready", 0.0),)})
    found = await schemas(site, known, dict.fromkeys(("till", "stock", "books")))
    steps = told(stack, replace(facts(stack), pending=dict.fromkeys(found), schemas=found))
    assert [id for id, _, _ in steps] == [
        "migrate books",
        "migrate stock 1_items",
        "migrate till",
        "migrate stock",
    ]
    assert found["till"].held == {}


async def test_up_leaves_contracts_to_the_deployment_that_brings_them(stack: Stack, tmp_path: Path) -> None:
    script = stack.service("till").folder / "migrations" / "2_drop" / "migration.sql"
    script.parent.mkdir()
    script.write_text("DROP TABLE b;")
    home = Home.at(tmp_path / "home")
    home.root.mkdir()

    async def why() -> str:
        found = await schemas(Site(stack, home, {}), Facts({}), {"till": ("2_drop",)})
        return found["till"].held.get("2_drop", "")

    with closing(Catalogue(home.database)) as catalogue:
        releases = {"till": "x"}
        catalogue.begin("first", ["till"], {}, releases, "", "ana", "", {}, ended="first releases")
        assert await why() == ""
        number = catalogue.begin("deploy", ["till"], {}, releases, "", "ana", "", {})
        assert await why() == f"deployment {number} is not finished"
        catalogue.finish(number, "held", "it is held", {})
        assert await why() == f"deployment {number} was held"
        number = catalogue.begin("deploy", ["till"], {}, releases, "", "ana", "", {})
        catalogue.finish(number, "promoted", "it is promoted", {})
        assert await why() == ""
        stack = replace(stack, migrations=MigrationPolicy(rehearse_within=60.0))
        assert await why() == "this stack asks for a rehearsal of it"


def test_what_names_a_table_of_another_module_comes_after_what_makes_it(stack: Stack) -> None:
    services = {name: stack.service(name) for name in ("till", "stock")}
    pending = {name: brought_by(service) for name, service in services.items()}
    found = with_needs(services, pending, {})
    assert [each.depends for each in found["till"]] == [("stock/1_items",)]
    assert [each.depends for each in found["stock"]] == [(), ("till/1_orders",)]


def test_what_failed_is_told_and_stops_only_what_is_to_be_applied_behind_it(stack: Stack) -> None:
    waits = {"till": SchemaFacts((DROP,), {"2_drop": "deployment 7 was held"})}
    found = with_failed(waits, {"till": "till: 2_drop failed", "stock": "stock: 9_bad failed"})
    assert found["till"] == replace(waits["till"], failed="till: 2_drop failed")
    known = replace(facts(stack), pending={"till": ("2_drop",), "stock": (), "books": None}, schemas=found)
    assert [id for id, _, _ in told(stack, known)] == ["migrate books"]
    assert plan_up(stack, known).notes[:2] == ("till: 2_drop failed", "stock: 9_bad failed")
    with pytest.raises(StartError, match="till: 2_drop failed"):
        with_failed({"till": SchemaFacts((DROP,))}, {"till": "till: 2_drop failed"})


def test_what_expands_waits_for_the_releases_it_declares(stack: Stack) -> None:
    add = replace(ADD, after=(ReleaseNeed("stock", "2.0"),))
    found = held(stack.service("till"), (add, DROP), ("abc",), "", {"stock": ["1.0"]})
    assert found == {
        "1_add": "it waits for stock>=2.0, and stock 1.0 runs",
        "2_drop": "release abc of till still runs",
    }
