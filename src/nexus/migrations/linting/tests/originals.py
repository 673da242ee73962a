"""Migrations that hurt, and where they start from: each is found by a rule."""

from __future__ import annotations

START = """
CREATE TABLE customers (id bigint PRIMARY KEY);
CREATE TABLE orders (
    id bigint NOT NULL, a int, b varchar(20) NOT NULL DEFAULT 'x', customer bigint, state text,
    at timestamptz NOT NULL DEFAULT now(), total int NOT NULL DEFAULT 1
);
CREATE TABLE lines (id bigint PRIMARY KEY, order_id bigint);
CREATE TABLE shipped (day date NOT NULL) PARTITION BY RANGE (day);
CREATE TABLE shipped_1 PARTITION OF shipped FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE shipped_2 (day date NOT NULL);
CREATE INDEX orders_state ON orders (state);
CREATE MATERIALIZED VIEW totals AS SELECT id, total FROM orders; CREATE UNIQUE INDEX ON totals (id);
CREATE TABLE bare (id bigint);
CREATE DOMAIN tax AS text; CREATE TABLE taxed (code tax);
CREATE VIEW small AS SELECT id FROM orders WHERE total < 5;
INSERT INTO customers VALUES (1); INSERT INTO taxed VALUES ('1');
INSERT INTO orders (id, a, customer, state) SELECT i, i, 1, 'open' FROM generate_series(1, 20) AS i;
INSERT INTO lines SELECT i, i FROM generate_series(1, 20) AS i; INSERT INTO shipped VALUES ('2026-01-05');
INSERT INTO shipped_2 VALUES ('2026-02-05'); REFRESH MATERIALIZED VIEW totals; ANALYZE;
"""
# The rule, the original, and whether the order of columns stays the same.
SAME = [
    ("not-null-without-check", "ALTER TABLE orders ALTER COLUMN a SET NOT NULL", True),
    ("not-null-without-check", "ALTER TABLE orders ADD CONSTRAINT has_a NOT NULL a", True),
    ("check-without-not-valid", "ALTER TABLE orders ADD CONSTRAINT positive CHECK (a > 0)", True),
    ("check-without-not-valid", "ALTER TABLE orders ADD CHECK (a > 0)", True),
    ("check-without-not-valid", "ALTER TABLE orders ADD CHECK (a > 0 OR total > 0)", True),
    ("check-without-not-valid", "ALTER TABLE orders ADD COLUMN c int CHECK (c > 0)", True),
    (
        "fk-without-not-valid",
        "ALTER TABLE orders ADD FOREIGN KEY (customer) REFERENCES customers ON DELETE CASCADE",
        True,
    ),
    (
        "fk-without-not-valid",
        "ALTER TABLE lines ADD COLUMN c bigint DEFAULT 1 REFERENCES customers (id)",
        True,
    ),
    ("unique-without-concurrently", "ALTER TABLE orders ADD UNIQUE (a)", True),
    ("unique-without-concurrently", "ALTER TABLE orders ADD PRIMARY KEY (id)", True),
    ("unique-without-concurrently", "ALTER TABLE orders ADD CONSTRAINT pk PRIMARY KEY (a)", True),
    (
        "unique-without-concurrently",
        "ALTER TABLE orders ADD CONSTRAINT u UNIQUE NULLS NOT DISTINCT (a) INCLUDE (b) "
        "DEFERRABLE INITIALLY DEFERRED",
        True,
    ),
    ("unique-without-concurrently", "ALTER TABLE orders ADD COLUMN c int UNIQUE", True),
    ("index-without-concurrently", "CREATE INDEX ON orders (a)", True),
    ("index-without-concurrently", "CREATE INDEX o ON orders (lower(b) DESC, a) WHERE a > 5", True),
    ("index-without-concurrently", "CREATE INDEX shipped_day ON shipped (day)", False),
    ("require-concurrent-index-deletion", "DROP INDEX orders_state", True),
    ("require-concurrent-reindex", "REINDEX TABLE orders", True),
    ("refresh-without-concurrently", "REFRESH MATERIALIZED VIEW totals", True),
    (
        "attach-without-check",
        "ALTER TABLE shipped ATTACH PARTITION shipped_2 FOR VALUES FROM ('2026-02-01') TO ('2026-03-01')",
        True,
    ),
    ("type-change-rewrites", "ALTER TABLE orders ALTER COLUMN a TYPE bigint", False),
    ("type-change-rewrites", "ALTER TABLE orders ALTER COLUMN a TYPE text USING a::text || '!'", False),
    (
        "added-column-rewrites",
        "ALTER TABLE orders ADD COLUMN u uuid NOT NULL DEFAULT gen_random_uuid()",
        True,
    ),
    ("added-column-rewrites", "ALTER TABLE orders ADD COLUMN n serial", True),
    (
        "ban-alter-domain-with-add-constraint",
        "ALTER DOMAIN tax ADD CONSTRAINT filled CHECK (VALUE <> '')",
        True,
    ),
    ("vacuum-full", "VACUUM FULL orders", True),
    ("backfill-in-one-statement", "UPDATE orders SET total = 2", True),
    ("ban-truncate-cascade", "TRUNCATE orders CASCADE", True),
    ("data-loss", "ALTER TABLE orders DROP COLUMN state", True),
    ("ban-drop-not-null", "ALTER TABLE orders ALTER COLUMN total DROP NOT NULL", True),
    ("ban-drop-view", "DROP VIEW small", True),
]
# What is another shape on purpose: the safe one, or the one that squawk prefers.
OTHER = [
    ("require-concurrent-partition-detach", "ALTER TABLE shipped DETACH PARTITION shipped_1"),
    ("renaming-column", "ALTER TABLE orders RENAME COLUMN a TO z"),
    ("renaming-table", "ALTER TABLE orders RENAME TO purchases"),
    ("adding-required-field", "ALTER TABLE bare ADD COLUMN q text NOT NULL"),
    ("added-column-rewrites", "ALTER TABLE orders ADD COLUMN n bigint GENERATED ALWAYS AS IDENTITY"),
    ("added-column-rewrites", "ALTER TABLE orders ADD COLUMN n int GENERATED ALWAYS AS (total * 2) STORED"),
    ("added-column-rewrites", "ALTER TABLE orders ADD COLUMN n bigserial PRIMARY KEY"),
    ("prefer-bigint-over-int", "CREATE TABLE n (i int PRIMARY KEY, j serial)"),
    ("prefer-bigint-over-smallint", "CREATE TABLE n (i smallint[])"),
    ("prefer-identity", "CREATE TABLE n (i serial PRIMARY KEY)"),
    ("prefer-text-field", "CREATE TABLE n (v varchar(10) NOT NULL)"),
    ("ban-char-field", "CREATE TABLE n (v char(3))"),
    ("prefer-timestamp-tz", "CREATE TABLE n (at timestamp(3) NOT NULL)"),
    ("ban-create-domain-with-constraint", "CREATE DOMAIN d AS text CHECK (VALUE <> '')"),
    ("identifier-too-long", f"CREATE TABLE {'n' * 70} (id bigint)"),
    ("ban-duplicate-column-assignments", "UPDATE orders SET a = 1, a = 2"),
    ("ban-drop-function", "DROP FUNCTION IF EXISTS f()"),
    ("ban-uncommitted-transaction", "BEGIN; SELECT 1"),
]
