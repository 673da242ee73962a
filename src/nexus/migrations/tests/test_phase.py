"""Which migrations the code before them survives, told by PostgreSQL's own parser."""

from __future__ import annotations

from pathlib import Path

import pytest

from nexus.migrations import Migration, MigrationError
from nexus.migrations.folder import read_folder
from nexus.migrations.phase import phase_of, phases_of, plain_indexes

MODULES = Path(__file__).resolve().parents[4] / "modules"


def phase(sql: str) -> str:
    found = phase_of(Migration("1_change", sql, ""))
    return f"{found.name}: {found.sentence}" if found.reasons else found.name


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("DROP TABLE orders, lines", "line 1 drops the table orders; line 1 drops the table lines"),
        ("DROP VIEW sales.open_orders", "line 1 drops the view open_orders"),
        ("DROP TYPE state", "line 1 drops the type state"),
        (
            "TRUNCATE orders, sales.lines",
            "line 1 deletes all rows of orders; line 1 deletes all rows of lines",
        ),
        ("DELETE FROM orders", "line 1 deletes all rows of orders"),
        ("DROP SCHEMA sales CASCADE", "line 1 drops the schema sales"),
        ("DROP FUNCTION total(int)", "line 1 drops the function total"),
        ("DROP INDEX orders_number_key", "line 1 drops the index orders_number_key, which may be unique"),
        ("DROP INDEX uq_orders_number", "line 1 drops the index uq_orders_number, which may be unique"),
        ("ALTER TABLE orders DROP COLUMN notes", "line 1 drops the column notes of orders"),
        ("ALTER TABLE orders RENAME COLUMN a TO b", "line 1 renames the column a of orders to b"),
        ("ALTER TABLE orders RENAME TO bills", "line 1 renames the table orders to bills"),
        ("ALTER SCHEMA sales RENAME TO old", "line 1 renames the schema sales to old"),
        ("ALTER TYPE address DROP ATTRIBUTE street", "line 1 drops the column street of address"),
        ("DROP POLICY own_rows ON orders", "line 1 drops the policy own_rows"),
        ("DROP TRIGGER t ON sales.orders", "line 1 drops the trigger t"),
        ("DROP RULE r ON orders", "line 1 drops the rule r"),
        ("ALTER TABLE orders DISABLE TRIGGER t", "line 1 disables the trigger t of orders"),
        ("ALTER TABLE orders DISABLE TRIGGER ALL", "line 1 disables all triggers of orders"),
        ("ALTER TABLE orders DISABLE RULE r", "line 1 disables the rule r of orders"),
        ("ALTER TABLE orders OWNER TO x", "line 1 changes the owner of orders"),
        ("ALTER FUNCTION total(int) OWNER TO x", "line 1 changes the owner of total"),
        ("ALTER SCHEMA sales OWNER TO x", "line 1 changes the owner of sales"),
        (
            "ALTER POLICY p ON orders USING (false)",
            "line 1 changes which rows of orders the policy p shows",
        ),
        ("ALTER ROLE reader NOLOGIN", "line 1 takes from the role reader (canlogin)"),
        ("ALTER ROLE reader CONNECTION LIMIT 0", "line 1 takes from the role reader (connectionlimit)"),
        ("ALTER GROUP g DROP USER u", "line 1 takes from the role g (rolemembers)"),
        (
            "ALTER DEFAULT PRIVILEGES IN SCHEMA s REVOKE SELECT ON TABLES FROM x",
            "line 1 revokes rights on what is made later",
        ),
        (
            "WITH gone AS (DELETE FROM orders RETURNING *) INSERT INTO archive SELECT * FROM gone",
            "line 1 deletes all rows of orders",
        ),
        ("WITH gone AS (DELETE FROM orders) SELECT 1", "line 1 deletes all rows of orders"),
        ("DELETE FROM orders WHERE true", "line 1 deletes all rows of orders"),
        ("DELETE FROM orders WHERE 1 = 1", "line 1 deletes all rows of orders"),
        (
            "MERGE INTO orders USING lines ON number = id WHEN MATCHED THEN DELETE",
            "line 1 deletes rows of orders",
        ),
        (
            "DO $$ BEGIN TRUNCATE orders; END $$",
            "line 1 runs a DO block with TRUNCATE, which nobody can judge before it has run",
        ),
        (
            "DO $$ BEGIN DELETE FROM orders; END $$",
            "line 1 runs a DO block with DELETE, which nobody can judge before it has run",
        ),
        ("REVOKE reader FROM sales", "line 1 revokes the membership in reader"),
        ("DROP ROLE IF EXISTS reader, writer", "line 1 drops the role reader, writer"),
        ("ALTER TYPE state RENAME TO status", "line 1 renames the type state to status"),
        (
            "ALTER TYPE state RENAME VALUE 'new' TO 'open'",
            "line 1 renames the value new of state to open",
        ),
        ("ALTER TABLE orders ALTER total TYPE numeric(9, 2)", "line 1 changes the type of total of orders"),
        ("ALTER TABLE orders ALTER notes SET NOT NULL", "line 1 demands NOT NULL of notes of orders"),
        ("ALTER TABLE orders ALTER notes DROP DEFAULT", "line 1 drops the default of notes of orders"),
        ("ALTER TABLE orders SET SCHEMA old", "line 1 moves orders to the schema old"),
        ("ALTER TABLE orders DROP CONSTRAINT c", "line 1 drops the constraint c of orders"),
        (
            "ALTER TABLE orders ADD CONSTRAINT positive CHECK (total > 0) NOT VALID",
            "line 1 demands a check (positive) of rows of orders",
        ),
        (
            "ALTER TABLE orders ADD FOREIGN KEY (customer) REFERENCES customers",
            "line 1 demands a foreign key (unnamed) of rows of orders",
        ),
        ("CREATE UNIQUE INDEX u ON orders (number)", "line 1 demands uniqueness (u) on orders"),
        (
            "ALTER TABLE orders ADD COLUMN channel text NOT NULL",
            "line 1 adds the column channel, NOT NULL without a default, to orders",
        ),
        (
            "ALTER TABLE orders ADD COLUMN channel text NOT NULL DEFAULT NULL::text",
            "line 1 adds the column channel, NOT NULL without a default, to orders",
        ),
        (
            "ALTER TABLE orders ADD COLUMN c int CHECK (total > 0)",
            "line 1 demands a check (unnamed) of rows of orders",
        ),
        (
            "ALTER TABLE orders ADD COLUMN c int CHECK (c IS NOT NULL)",
            "line 1 demands a check (unnamed) of rows of orders",
        ),
        (
            "ALTER TABLE orders ADD COLUMN code text DEFAULT 'x' UNIQUE",
            "line 1 demands uniqueness (unnamed) of rows of orders",
        ),
        (
            "ALTER TABLE orders ADD COLUMN code text UNIQUE NULLS NOT DISTINCT",
            "line 1 demands uniqueness (unnamed) of rows of orders",
        ),
        (
            "ALTER TABLE orders ADD COLUMN code text DEFAULT 'x' PRIMARY KEY",
            "line 1 demands a primary key (unnamed) of rows of orders",
        ),
        (
            "ALTER TABLE orders ADD COLUMN c text DEFAULT 'x'; CREATE UNIQUE INDEX u ON orders (c)",
            "line 1 demands uniqueness (u) on orders",
        ),
        (
            "ALTER TABLE orders ADD COLUMN c text NOT NULL DEFAULT 'x';\n"
            "ALTER TABLE orders ALTER COLUMN c DROP DEFAULT",
            "line 2 drops the default of c of orders",
        ),
        (
            "ALTER TABLE orders ADD COLUMN c text DEFAULT 'x';\n"
            "ALTER TABLE orders ALTER c DROP DEFAULT, ALTER c SET NOT NULL",
            "line 2 demands NOT NULL of c of orders",
        ),
        (
            "ALTER TABLE orders ADD COLUMN n bigserial;\nALTER TABLE orders ALTER n SET DEFAULT NULL",
            "line 2 drops the default of n of orders",
        ),
        (
            "ALTER TABLE orders ALTER net DROP EXPRESSION",
            "line 1 computes net of orders no longer",
        ),
        (
            "CREATE TABLE archive.customers AS SELECT * FROM crm.customers;\nDROP TABLE crm.customers",
            "line 2 drops the table customers",
        ),
        (
            "CREATE TABLE IF NOT EXISTS orders (a int);\nALTER TABLE orders DROP COLUMN note",
            "line 2 drops the column note of orders",
        ),
        (
            "ALTER TABLE orders ADD COLUMN IF NOT EXISTS n int;\nALTER TABLE orders DROP COLUMN n",
            "line 2 drops the column n of orders",
        ),
        (
            "ALTER TABLE orders ADD COLUMN n int, DROP COLUMN n",
            "line 1 drops the column n of orders",
        ),
        (
            "CREATE SCHEMA IF NOT EXISTS orders;\nDROP TABLE orders.orders",
            "line 2 drops the table orders",
        ),
        (
            "CREATE TYPE status AS ENUM ('a');\nALTER TABLE status DROP COLUMN x",
            "line 2 drops the column x of status",
        ),
        (
            "CREATE FUNCTION f(int) RETURNS int LANGUAGE sql AS 'SELECT 1';\nDROP FUNCTION f(text)",
            "line 2 drops the function f",
        ),
        (
            "CREATE TABLE a (b int);\nSET search_path TO sales;\nDROP TABLE a",
            "line 3 drops the table a",
        ),
        (
            "CREATE RULE r AS ON INSERT TO orders DO INSTEAD NOTHING",
            "line 1 adds the rule r to orders",
        ),
        (
            "CREATE TRIGGER t BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION f()",
            "line 1 adds the trigger t to orders",
        ),
        (
            "ALTER TABLE orders ADD COLUMN channel text;\nUPDATE orders SET channel = 'web';\n"
            "ALTER TABLE orders ALTER channel SET NOT NULL",
            "line 3 demands NOT NULL of channel of orders",
        ),
        ("ALTER TABLE orders ENABLE ROW LEVEL SECURITY", "line 1 hides rows of orders by row security"),
        (
            "CREATE POLICY p ON orders AS RESTRICTIVE USING (true)",
            "line 1 hides rows of orders by a restrictive policy",
        ),
        ("REVOKE UPDATE ON orders FROM sales", "line 1 revokes rights on orders"),
        ("ALTER DOMAIN money ADD CHECK (VALUE > 0)", "line 1 demands more of values of the type money"),
        (
            "DO $$ BEGIN EXECUTE 'DROP TABLE ' || 'orders'; END $$",
            "line 1 runs a DO block with DROP, which nobody can judge before it has run",
        ),
        (
            "-- Prädikate\nCREATE TABLE a (b int);\n\n/* old\n */\nDROP TABLE c;\n"
            "ALTER TABLE d\n  DROP COLUMN e;",
            "line 6 drops the table c; line 7 drops the column e of d",
        ),
    ],
)
def test_what_takes_something_from_the_former_code_is_a_contract(sql: str, expected: str) -> None:
    assert phase(sql) == f"contract: {expected}"


@pytest.mark.parametrize(
    "sql",
    [
        "",
        "-- nothing but a remark",
        "CREATE TABLE notes (id int PRIMARY KEY)",
        "ALTER TABLE orders ADD COLUMN notes text",
        "ALTER TABLE orders ADD COLUMN channel text NOT NULL DEFAULT 'web'",
        "ALTER TABLE orders ADD COLUMN number bigserial NOT NULL",
        "ALTER TABLE orders ADD COLUMN net numeric NOT NULL GENERATED ALWAYS AS (total) STORED",
        "ALTER TABLE orders ALTER notes DROP NOT NULL, ALTER notes SET DEFAULT ''",
        "ALTER TYPE state ADD VALUE 'paid'",
        "CREATE INDEX CONCURRENTLY i ON orders (number)",
        "DELETE FROM orders WHERE number < 7",
        "WITH old AS (DELETE FROM orders WHERE number < 7 RETURNING *) INSERT INTO archive SELECT * FROM old",
        "DELETE FROM orders WHERE false",
        "MERGE INTO orders USING lines ON number = id WHEN MATCHED THEN UPDATE SET notes = ''",
        "ALTER TABLE orders ENABLE TRIGGER t",
        "ALTER ROLE reader LOGIN CONNECTION LIMIT -1",
        "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO reader",
        "ALTER INDEX i RENAME TO j",
        "CREATE OR REPLACE FUNCTION total() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "UPDATE orders SET notes = ''",
        "GRANT SELECT ON orders TO reader",
        "DO $$ BEGIN PERFORM 1; END $$",
        "DO $$ BEGIN GRANT DELETE, TRUNCATE ON orders TO reader; END $$",
    ],
)
def test_what_only_adds_lets_the_former_code_go_on(sql: str) -> None:
    assert phase(sql) == "expand"


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE a (b int); ALTER TABLE a ALTER b SET NOT NULL; CREATE UNIQUE INDEX u ON a (b);"
        " ALTER TABLE a ENABLE ROW LEVEL SECURITY; REVOKE DELETE ON a FROM sales; DROP TABLE a",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';"
        " REVOKE EXECUTE ON FUNCTION f() FROM PUBLIC",
        "ALTER TABLE orders ADD COLUMN customer uuid;"
        " ALTER TABLE orders ADD CONSTRAINT k FOREIGN KEY (customer) REFERENCES customers (id)",
        "ALTER TABLE orders ADD COLUMN low int, ADD COLUMN high int;"
        " ALTER TABLE orders ADD CHECK (low < high)",
        "ALTER TABLE orders ADD COLUMN slug text; CREATE UNIQUE INDEX u ON orders (slug)",
        "ALTER TABLE orders ADD COLUMN kind text DEFAULT ''; ALTER TABLE orders ALTER kind SET NOT NULL",
        "ALTER TABLE orders ADD COLUMN tmp text; ALTER TABLE orders DROP COLUMN tmp",
        "ALTER TABLE orders ADD COLUMN kind text DEFAULT ''; ALTER TABLE orders ALTER kind DROP DEFAULT",
        "ALTER TABLE orders ADD COLUMN low int CHECK (low > 0), ADD COLUMN high int, ADD CHECK (low < high)",
        "ALTER TABLE orders ADD COLUMN id uuid DEFAULT gen_random_uuid() UNIQUE, ADD COLUMN code text UNIQUE",
        "CREATE SCHEMA s; CREATE TABLE s.a (b int); DROP TABLE s.a;"
        " REVOKE ALL ON ALL TABLES IN SCHEMA s FROM x",
        "CREATE TYPE s AS ENUM ('a'); ALTER TYPE s RENAME VALUE 'a' TO 'b'; DROP TYPE s",
        "CREATE FUNCTION a.f(x int, OUT y text) RETURNS text LANGUAGE sql AS ''; DROP FUNCTION a.f",
        "CREATE TABLE a (b int); CREATE TRIGGER t BEFORE INSERT ON a EXECUTE FUNCTION f();"
        " CREATE RULE r AS ON DELETE TO a DO INSTEAD NOTHING; CREATE POLICY p ON a; DROP POLICY p ON a",
        "CREATE INDEX i ON orders (a); DROP INDEX i",
    ],
)
def test_what_a_script_made_itself_is_its_own_to_change(sql: str) -> None:
    assert phase(sql) == "expand"


def test_an_index_may_go_that_earlier_scripts_do_not_make_unique() -> None:
    made = "CREATE INDEX by_day ON orders (day); CREATE UNIQUE INDEX by_number ON orders (number)"
    plain = plain_indexes([Migration("0_first", made, "")])
    assert phase_of(Migration("1", "DROP INDEX by_day", ""), plain).name == "expand"
    assert phase_of(Migration("1", "DROP INDEX by_number", ""), plain).name == "contract"


def test_what_is_pending_is_judged_together_and_what_is_applied_is_not() -> None:
    folder = [
        Migration("1", "CREATE TABLE a (b int, c int); CREATE INDEX by_b ON a (b)", ""),
        Migration("2", "ALTER TABLE a DROP COLUMN c", ""),
        Migration("3", "DROP  INDEX by_b", ""),
        Migration("4", "DROP /* now */ TABLE x", ""),
    ]
    one_by_one = {name: phase.name for name, phase in phases_of(folder, {"2", "3", "4"}).items()}
    assert one_by_one == {"2": "contract", "3": "expand", "4": "contract"}
    together = {name: phase.name for name, phase in phases_of(folder, {"1", "2"}).items()}
    assert together == {"1": "expand", "2": "expand"}


def test_a_script_knows_better_and_says_so_in_its_leading_comments() -> None:
    assert phase("-- why\n\n-- nexus: phase=expand\nDROP TABLE never_used") == "expand"
    assert phase("--nexus: phase = contract\nSELECT 1") == "contract: it declares so"
    assert phase("SELECT 1;\n-- nexus: phase=contract") == "expand"


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        (
            "-- a\n-- nexus: phase=shrink\nSELECT 1",
            "1_change/migration.sql:2: '-- nexus: phase=shrink' declares nothing; write phase=expand, "
            "phase=contract, depends=MODULE/MIGRATION, after-release=MODULE>=VERSION, transaction=none or "
            "may-block=10s",
        ),
        (
            "SELECT 1;\nSELCT 2",
            '1_change/migration.sql:2: PostgreSQL\'s parser refuses it: syntax error at or near "SELCT"',
        ),
    ],
)
def test_what_cannot_be_read_is_told_with_its_line(sql: str, expected: str) -> None:
    with pytest.raises(MigrationError) as caught:
        phase(sql)
    assert str(caught.value) == expected


def test_every_migration_of_the_modules_has_a_phase() -> None:
    folders = sorted(MODULES.glob("*/migrations"))
    phases = {m.name: phase_of(m).name for folder in folders for m in read_folder(folder)}
    assert len(folders) == 6
    assert phases["20261125000000_order_trace"] == "expand"
