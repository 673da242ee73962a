"""The pending migrations of several modules in one order."""

from __future__ import annotations

import random
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nexus.migrations.errors import PlanRefused
from nexus.migrations.history.state import History
from nexus.migrations.planning.edges import edges
from nexus.migrations.planning.order import heeded, order
from nexus.migrations.planning.tests.histories import histories, history


def ids(told: Mapping[str, History]) -> list[str]:
    return [f"{module}/{migration.name}" for module, migration in order(told)]


def test_each_modules_migrations_stay_together_and_in_order() -> None:
    told = histories(sales={"1": "SELECT 1", "2": "SELECT 1"}, crm={"1": "SELECT 1", "2": "SELECT 1"})
    assert ids(told) == ["crm/1", "crm/2", "sales/1", "sales/2"]


def test_a_declared_dependency_comes_first() -> None:
    told = histories(crm={"1": "-- nexus: depends=sales/2\nSELECT 1"}, sales={"1": "", "2": "", "3": ""})
    assert ids(told) == ["sales/1", "sales/2", "sales/3", "crm/1"]


def test_a_dependency_that_is_applied_already_asks_for_nothing() -> None:
    crm = history("crm", {"2": "-- nexus: depends=sales/1\nSELECT 1"})
    assert ids({"crm": crm, "sales": history("sales", {"2": ""}, applied=["1"])}) == ["crm/2", "sales/2"]


@pytest.mark.parametrize(
    "reading",
    [
        "CREATE VIEW clients AS SELECT c.tax_id FROM sales.customer c",
        "ALTER TABLE orders ADD FOREIGN KEY (customer) REFERENCES sales.customer (tax_id)",
        "UPDATE orders o SET tax = c.tax_id FROM sales.customer c WHERE c.id = o.customer",
        "CREATE FUNCTION f() RETURNS text LANGUAGE plpgsql AS "
        "'BEGIN RETURN (SELECT max(tax_id) FROM sales.customer); END'",
        "DO $$ BEGIN PERFORM tax_id FROM sales.customer; END $$",
        "INSERT INTO orders SELECT tax_id FROM sales.customer",
        "SET search_path = sales; ALTER TABLE customer ALTER COLUMN tax_id SET DEFAULT ''",
    ],
)
def test_what_names_a_column_comes_after_what_adds_it(reading: str) -> None:
    told = histories(
        crm={"1": reading},
        sales={"1": "SELECT 1", "2": "ALTER TABLE customer ADD COLUMN tax_id text", "3": "SELECT 1"},
    )
    assert ids(told).index("sales/2") < ids(told).index("crm/1")
    causes = [each.cause for each in edges(told) if each.force in ("needed", "body")]
    assert causes == ["it names sales.customer.tax_id, which sales/2 adds"]


@pytest.mark.parametrize(
    ("making", "using"),
    [
        ("CREATE TABLE item (id int)", "SELECT * FROM zoo.item"),
        ("CREATE TYPE state AS ENUM ('a')", "ALTER TABLE t ADD COLUMN s zoo.state"),
        ("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'", "SELECT zoo.f()"),
        ("CREATE VIEW item AS SELECT 1", "CREATE VIEW v AS SELECT * FROM zoo.item"),
        ("CREATE SEQUENCE numbers", "SELECT * FROM zoo.numbers"),
        ("CREATE SCHEMA zoo", "SELECT * FROM zoo.item"),
        ("ALTER TABLE old RENAME TO item", "SELECT * FROM zoo.item"),
        ("CREATE DOMAIN money AS numeric", "CREATE TABLE t (m zoo.money)"),
    ],
)
def test_what_names_an_object_comes_after_what_makes_it(making: str, using: str) -> None:
    assert ids(histories(abc={"1": using}, zoo={"1": making})) == ["zoo/1", "abc/1"]


def test_what_reads_a_column_comes_before_what_drops_it() -> None:
    told = histories(
        crm={"1": "SELECT 1", "2": "ALTER TABLE customer DROP COLUMN fax"},
        sales={"1": "UPDATE orders SET fax = c.fax FROM crm.customer c"},
    )
    assert ids(told) == ["sales/1", "crm/1", "crm/2"]


def test_a_change_of_a_table_that_others_merely_name_closes_no_circle() -> None:
    told = histories(
        crm={"1": "ALTER TABLE customer ADD FOREIGN KEY (latest) REFERENCES sales.orders (id)"},
        sales={"1": "ALTER TABLE orders ADD FOREIGN KEY (customer) REFERENCES crm.customer (id)"},
    )
    assert sorted(ids(told)) == ["crm/1", "sales/1"]


def test_a_circle_is_spelled_out() -> None:
    told = histories(
        crm={"a": "-- nexus: depends=sales/b\nSELECT 1", "c": "CREATE TABLE later (id int)"},
        sales={"b": "SELECT * FROM crm.later"},
    )
    with pytest.raises(PlanRefused) as refused:
        order(told)
    message = str(refused.value)
    assert "crm/a → sales/b → crm/c → crm/a" in message
    assert "sales/b: it names crm.later, which crm/c makes" in message


@pytest.mark.parametrize(
    ("depends", "told"),
    [
        ("sale/1_first", "there is no module 'sale' with migrations (did you mean 'sales'?)"),
        ("sales/1_frist", "has it neither applied nor in modules/sales/migrations (did you mean '1_first'?)"),
    ],
)
def test_a_dependency_that_is_nowhere_is_refused_with_what_was_meant(depends: str, told: str) -> None:
    found = histories(crm={"1": f"-- nexus: depends={depends}\nSELECT 1"}, sales={"1_first": ""})
    with pytest.raises(PlanRefused) as refused:
        order(found)
    assert told in str(refused.value)


NAMES = ("a", "b", "c", "d")


@st.composite
def worlds(draw: st.DrawFn) -> dict[str, History]:
    """Modules whose migrations make tables and read tables of earlier ones, along some hidden order."""
    steps = draw(st.lists(st.sampled_from(NAMES), max_size=12))
    chains: dict[str, dict[str, str]] = {name: {} for name in NAMES}
    earlier: list[tuple[str, str]] = []
    for number, module in enumerate(steps):
        name = f"{number:02}"
        lines = [f"CREATE TABLE t{name} (id int);"]
        for other, before in draw(st.lists(st.sampled_from(earlier), max_size=3)) if earlier else ():
            if draw(st.booleans()):
                lines.insert(0, f"-- nexus: depends={other}/{before}")
            else:
                lines.append(f"CREATE VIEW v{name}_{len(lines)} AS SELECT * FROM {other}.t{before};")
        chains[module][name] = "\n".join(lines)
        earlier.append((module, name))
    return histories(**chains)


@given(worlds(), st.randoms(use_true_random=False))
def test_every_edge_is_respected_whichever_way_the_histories_come(
    told: dict[str, History], chance: random.Random
) -> None:
    found = ids(told)
    assert sorted(found) == sorted(f"{m}/{each.name}" for m in told for each in told[m].pending)
    place = {id: number for number, id in enumerate(found)}
    assert all(place[each.before] < place[each.after] for each in heeded(told, edges(told)))
    shuffled = list(told.items())
    chance.shuffle(shuffled)
    assert ids(dict(shuffled)) == found
