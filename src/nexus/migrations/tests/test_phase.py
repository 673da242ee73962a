"""Which migrations the code before them survives, told by PostgreSQL's own parser."""

from __future__ import annotations

from pathlib import Path

import pytest

from nexus.migrations.folder import Migration, MigrationError, read_folder
from nexus.migrations.phase import phase_of

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
        ("DROP SCHEMA sales CASCADE", "line 1 drops the schema sales"),
        ("DROP FUNCTION total(int)", "line 1 drops the function total"),
        ("DROP INDEX orders_number_key", "line 1 drops the index orders_number_key"),
        ("ALTER TABLE orders DROP COLUMN notes", "line 1 drops the column notes of orders"),
        ("ALTER TABLE orders RENAME COLUMN a TO b", "line 1 renames the column a of orders to b"),
        ("ALTER TABLE orders RENAME TO bills", "line 1 renames the table orders to bills"),
        ("ALTER SCHEMA sales RENAME TO old", "line 1 renames the schema sales to old"),
        ("ALTER TYPE address DROP ATTRIBUTE street", "line 1 drops the column street of address"),
        ("DROP POLICY own_rows ON orders", "line 1 drops the policy own_rows"),
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
        "DROP INDEX orders_by_day",
        "DROP TRIGGER t ON orders",
        "ALTER INDEX i RENAME TO j",
        "CREATE OR REPLACE FUNCTION total() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "UPDATE orders SET notes = ''",
        "GRANT SELECT ON orders TO reader",
        "DO $$ BEGIN PERFORM 1; END $$",
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
    ],
)
def test_what_a_script_made_itself_is_its_own_to_change(sql: str) -> None:
    assert phase(sql) == "expand"


def test_a_script_knows_better_and_says_so_in_its_leading_comments() -> None:
    assert phase("-- why\n\n-- nexus: phase=expand\nDROP TABLE never_used") == "expand"
    assert phase("--nexus: phase = contract\nSELECT 1") == "contract: it declares so"
    assert phase("SELECT 1;\n-- nexus: phase=contract") == "expand"


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        (
            "-- a\n-- nexus: phase=shrink\nSELECT 1",
            "1_change/migration.sql:2: '-- nexus: phase=shrink' declares nothing; "
            "write `-- nexus: phase=expand` or `-- nexus: phase=contract`",
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
