"""Each rule of ours finds what hurts, and leaves alone what does not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from nexus.migrations.effects.effect import Table
from nexus.migrations.linting import lint
from nexus.migrations.linting.moot import MOOT, OURS
from nexus.migrations.linting.rewrites.table import REWRITES
from nexus.migrations.linting.tests.linting import ORDERS, SALES, found, living, rules, script

ALONE = "-- nexus: transaction=none\n"
CONTRACT = "-- nexus: phase=contract\n"
RULES = [
    (
        "not-null-without-check",
        "ALTER TABLE orders ALTER COLUMN a SET NOT NULL",
        "ALTER TABLE orders ALTER COLUMN id SET NOT NULL",
    ),
    (
        "check-without-not-valid",
        "ALTER TABLE orders ADD CONSTRAINT c CHECK (a > 0)",
        "ALTER TABLE orders ADD CONSTRAINT c CHECK (a > 0) NOT VALID",
    ),
    (
        "fk-without-not-valid",
        "ALTER TABLE orders ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES lines",
        "ALTER TABLE orders ADD COLUMN line bigint REFERENCES lines",
    ),
    (
        "unique-without-concurrently",
        "ALTER TABLE orders ADD UNIQUE (a)",
        "ALTER TABLE orders ADD CONSTRAINT u UNIQUE USING INDEX u",
    ),
    (
        "exclusion-builds-index",
        "ALTER TABLE orders ADD EXCLUDE USING gist (a WITH =)",
        "CREATE TABLE fresh (a int, EXCLUDE USING gist (a WITH =))",
    ),
    (
        "attach-without-check",
        "ALTER TABLE orders ATTACH PARTITION lines FOR VALUES IN (1)",
        "CREATE TABLE fresh PARTITION OF orders FOR VALUES IN (1)",
    ),
    (
        "index-without-concurrently",
        "CREATE INDEX i ON orders (a)",
        f"{ALONE}CREATE INDEX CONCURRENTLY i ON orders (a)",
    ),
    (
        "index-without-concurrently",
        "CREATE INDEX i ON orders (a)",
        "CREATE TABLE n (a int); CREATE INDEX i ON n (a)",
    ),
    (
        "refresh-without-concurrently",
        "REFRESH MATERIALIZED VIEW orders",
        "REFRESH MATERIALIZED VIEW CONCURRENTLY orders",
    ),
    ("vacuum-full", "VACUUM FULL orders", "VACUUM orders"),
    ("vacuum-full", "CLUSTER orders USING i", "ANALYZE orders"),
    (
        "type-change-rewrites",
        "ALTER TABLE orders ALTER COLUMN a TYPE bigint",
        "ALTER TABLE orders ALTER COLUMN b TYPE varchar",
    ),
    (
        "added-column-rewrites",
        "ALTER TABLE orders ADD COLUMN u uuid DEFAULT gen_random_uuid()",
        "ALTER TABLE orders ADD COLUMN u timestamptz DEFAULT now()",
    ),
    (
        "table-rewrites",
        "ALTER TABLE orders SET UNLOGGED",
        "ALTER TABLE orders SET (fillfactor = 80)",
    ),
    (
        "backfill-in-one-statement",
        "UPDATE orders SET a = 1",
        f"{ALONE}-- nexus: batch=5000\nUPDATE orders SET a = 1",
    ),
    ("backfill-in-one-statement", "DELETE FROM orders WHERE a = 1", "INSERT INTO orders (id) VALUES (1)"),
    ("backfill-in-one-statement", "INSERT INTO lines SELECT id FROM orders", "SELECT 1"),
    (
        "backfill-in-transaction-with-ddl",
        "ALTER TABLE orders ADD COLUMN c int; UPDATE orders SET c = 1",
        "UPDATE orders SET a = 1; ALTER TABLE orders ADD COLUMN c int",
    ),
    ("data-loss", "ALTER TABLE orders DROP COLUMN a", "ALTER TABLE orders ALTER COLUMN a DROP DEFAULT"),
    ("data-loss", "TRUNCATE orders", "DELETE FROM orders WHERE id = 1"),
    ("data-loss", "DELETE FROM orders", "CREATE TABLE n (i int); DROP TABLE n"),
    (
        "mixed-phases",
        "ALTER TABLE orders DROP COLUMN a; ALTER TABLE lines ADD COLUMN b int",
        "ALTER TABLE lines ADD COLUMN b int; CREATE TABLE n (i int); ALTER TABLE n DROP COLUMN i",
    ),
    ("writes-foreign-schema", "ALTER TABLE crm.customers ADD COLUMN x int", "SELECT 1 FROM crm.customers"),
    ("writes-foreign-schema", "CREATE TABLE crm.mine (i int)", "CREATE TABLE sales.mine (i int)"),
    (
        "writes-foreign-schema",
        "UPDATE crm.customers SET a = 1",
        "CREATE VIEW v AS SELECT a FROM crm.customers",
    ),
    ("opaque-code", "DO $$ BEGIN TRUNCATE orders; END $$", "SELECT 1"),
    ("set-role-or-search-path", "SET search_path = crm", "SET work_mem = '1GB'"),
    (
        "set-role-or-search-path",
        "SELECT set_config('role', 'x', false)",
        "SELECT set_config('a.b', 'x', false)",
    ),
    ("set-role-or-search-path", "SET ROLE postgres", "SET LOCAL statement_timeout = 0"),
]


@pytest.mark.parametrize(("rule", "bad", "good"), RULES, ids=[f"{each[0]}-{each[1][:40]}" for each in RULES])
def test_a_rule_finds_what_hurts_and_nothing_else(rule: str, bad: str, good: str) -> None:
    assert rule in rules(found(bad, living()))
    assert rule not in rules(found(good, living()))


@pytest.mark.parametrize(("rule", "bad", "good"), RULES, ids=[f"{each[0]}-{each[1][:40]}" for each in RULES])
def test_without_a_database_it_is_found_as_well_and_is_no_error(rule: str, bad: str, good: str) -> None:
    told = {each.rule: each.level for each in found(bad, None)}
    assert rule in told
    fixed = {"writes-foreign-schema", "set-role-or-search-path"}
    assert rule in fixed or told[rule] != "error"


def test_what_a_former_file_makes_is_new_to_the_next_until_the_database_has_it() -> None:
    first = script("CREATE TABLE fresh (a int)", "1")
    second = script("CREATE INDEX i ON fresh (a); ALTER TABLE fresh ALTER COLUMN a SET NOT NULL", "2")
    files = [(SALES, first), (SALES, second)]
    assert lint(files, living(), ()) == lint([(SALES, first)], living(), ())
    known = lint(files, living(40_000_000, "fresh"), ())
    assert {"index-without-concurrently", "not-null-without-check"} <= rules(known)


def test_each_command_of_an_alter_table_is_judged_by_itself() -> None:
    told = found(
        "ALTER TABLE orders ADD COLUMN c int,\n  ALTER COLUMN a SET NOT NULL, ADD UNIQUE (b)", living()
    )
    assert rules(told) >= {"not-null-without-check", "unique-without-concurrently"}
    assert "added-column-rewrites" not in rules(told)
    (unique,) = [each for each in told if each.rule == "unique-without-concurrently"]
    assert "NOT NULL" not in unique.rewrite


def test_an_index_of_a_partitioned_table_is_built_on_each_partition() -> None:
    from dataclasses import replace

    from nexus.migrations.linting.tests.linting import facts

    known = living()
    parts = (Table("sales", "orders_1"), Table("sales", "orders_2"))
    tables = {**known.tables, ORDERS: facts(40_000_000, "p"), **{each: facts(20_000_000) for each in parts}}
    known = replace(known, tables=tables, children={ORDERS: parts})
    told = {each.rule: each for each in found("CREATE INDEX i ON orders (a)", known)}
    rewrite = told["index-without-concurrently"].rewrite
    assert "CREATE INDEX i ON ONLY orders (a);" in rewrite
    assert "CREATE INDEX CONCURRENTLY orders_1_i_part ON sales.orders_1 (a);" in rewrite
    assert "ALTER INDEX i ATTACH PARTITION sales.orders_2_i_part;" in rewrite


@pytest.mark.parametrize(("rule", "bad", "good"), RULES, ids=[f"{each[0]}-{each[1][:40]}" for each in RULES])
def test_what_is_written_instead_is_not_found_again(rule: str, bad: str, good: str) -> None:
    (told, *_) = [each for each in found(bad, living()) if each.rule == rule]
    parts = [part.partition("\n")[2] if number else part for number, part in _parts(told.rewrite)]
    files = [(SALES, script(part, str(number))) for number, part in enumerate(parts)]
    again = [each for each in lint(files, living(), ()) if each.level == "error" or each.rule == rule]
    contract = "phase=contract" in told.rewrite
    assert [
        each for each in again if not (contract and each.rule == "data-loss" and each.level == "note")
    ] == []


def _parts(rewrite: str) -> list[tuple[int, str]]:
    return list(enumerate(rewrite.split("-- next migration")))


def test_not_null_is_proved_by_a_check_that_the_same_file_validates_and_not_before() -> None:
    check = "ALTER TABLE orders ADD CONSTRAINT p CHECK (a IS NOT NULL) NOT VALID;"
    validate, not_null = (
        "ALTER TABLE orders VALIDATE CONSTRAINT p;",
        "ALTER TABLE orders ALTER COLUMN a SET NOT NULL;",
    )
    for known in (living(), None):
        proof = found(f"{ALONE}{check}{validate}{not_null}", known)
        assert "not-null-without-check" not in rules(proof)
        assert "not-null-without-check" in rules(found(f"{ALONE}{check}{not_null}", known))


def test_what_may_break_running_code_is_no_finding_in_a_contract() -> None:
    drop = "ALTER TABLE orders DROP CONSTRAINT c"
    assert "ban-drop-constraint" in rules(found(drop, living()))
    assert "ban-drop-constraint" not in rules(found(CONTRACT + drop, living()))


def test_a_comma_in_a_text_does_not_move_what_squawk_says_to_another_command() -> None:
    sql = "ALTER TABLE orders ADD COLUMN c text DEFAULT 'a,b', ADD COLUMN d varchar(5)"
    (told,) = [each for each in found(sql, living()) if each.rule == "prefer-text-field"]
    assert "d text" in told.rewrite


def test_the_manual_names_every_rule() -> None:
    folder = Path(__file__).resolve().parents[1] / "rules"
    sources = "\n".join(file.read_text() for file in folder.glob("*.py"))
    named = set(re.findall(r'"([a-z]+(?:-[a-z]+)+)"', sources))
    told = set(re.findall(r"`([a-z-]+)`", (folder.parents[4] / "docs" / "migrations.md").read_text()))
    squawks = {*MOOT, *OURS, *REWRITES}
    assert len(named - squawks) >= 20
    assert named - squawks - told == set()
