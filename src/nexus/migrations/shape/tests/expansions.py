"""Migrations after a first one: such as are taken back, and such as are not, with the reason."""

from __future__ import annotations

FIRST = """
CREATE TYPE state AS ENUM ('open', 'done');
CREATE TABLE items (id int PRIMARY KEY, name text NOT NULL DEFAULT 'x', total numeric CHECK (total > 0));
CREATE TABLE parts (id int PRIMARY KEY, item int);
CREATE VIEW named AS SELECT id, name FROM items;
CREATE FUNCTION guard(target text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', target); END $$;
CREATE FUNCTION fill() RETURNS void LANGUAGE sql AS $$ INSERT INTO items (id) VALUES (99) $$;
INSERT INTO items (id) VALUES (1), (2);
"""
PROVABLE = {
    "a table": "CREATE TABLE more (id serial PRIMARY KEY, item int REFERENCES items);",
    "a table with all that hangs on it": """CREATE TABLE more (id int PRIMARY KEY, s state);
        CREATE INDEX more_s ON more (s); CREATE VIEW seen AS SELECT id FROM more;
        ALTER TABLE more ENABLE ROW LEVEL SECURITY;
        CREATE POLICY p ON more USING (true); REVOKE DELETE ON more FROM shop;
        COMMENT ON TABLE more IS 'm';""",
    "a column": "ALTER TABLE items ADD COLUMN note text;",
    "a column with a default": "ALTER TABLE items ADD COLUMN kind text NOT NULL DEFAULT 'plain';",
    "a generated column": "ALTER TABLE items ADD COLUMN big text GENERATED ALWAYS AS (upper(name)) STORED;",
    "an index": "-- nexus: transaction=none\nCREATE INDEX CONCURRENTLY items_name ON items (name);",
    "a name": "ALTER TABLE items RENAME CONSTRAINT items_pkey TO items_key;",
    "a default": "ALTER TABLE items ALTER COLUMN total SET DEFAULT 5;",
    "null allowed": "ALTER TABLE items ALTER COLUMN name DROP NOT NULL;",
    "a wider type": "-- nexus: phase=expand\nALTER TABLE parts ALTER COLUMN item TYPE bigint;",
    "a foreign key": """-- nexus: phase=expand
        ALTER TABLE parts ADD CONSTRAINT of_item FOREIGN KEY (item) REFERENCES items NOT VALID;""",
    "a constraint gone": "-- nexus: phase=expand\nALTER TABLE items DROP CONSTRAINT items_total_check;",
    "a view longer": "CREATE OR REPLACE VIEW named AS SELECT id, name, total FROM items;",
    "a function": """CREATE FUNCTION twice(a int) RETURNS int LANGUAGE sql RETURN a * 2;
        CREATE OR REPLACE FUNCTION fill() RETURNS void LANGUAGE sql AS $$ SELECT NULL::void $$;""",
    "a trigger": """-- nexus: phase=expand
        CREATE FUNCTION t() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
        CREATE TRIGGER tr BEFORE UPDATE ON items FOR EACH ROW EXECUTE FUNCTION t();""",
    "a type, a domain, a sequence": """CREATE TYPE pair AS (a int, b int);
        CREATE DOMAIN d AS text CHECK (VALUE <> '');
        CREATE SEQUENCE s; CREATE MATERIALIZED VIEW m AS SELECT count(*) FROM items;""",
    "grants": "GRANT TRUNCATE ON items TO shop; COMMENT ON COLUMN items.name IS 'called';",
    "a DO block that writes no row": """-- nexus: phase=expand
        DO $$ BEGIN ALTER TABLE parts ADD COLUMN made date; END $$;""",
}  # fmt: skip
REFUSED = {
    "rows": ("INSERT INTO items (id) VALUES (3);", "migration.sql:1: INSERT of rows"),
    "rows in WITH": (
        "CREATE TABLE log (i int);\n"
        "WITH d AS (DELETE FROM items WHERE id = 1 RETURNING id) SELECT count(*) FROM d;",
        "migration.sql:2: DELETE of rows",
    ),
    "rows in a DO block": (
        "DO $$ BEGIN UPDATE items SET name = 'y'; END $$;",
        "migration.sql:1: a DO block with UPDATE",
    ),
    "rows by a function": ("SELECT fill();", "it calls fill, which may do anything"),
    "what a function does": (
        "CREATE TABLE more (id int); SELECT guard('more');",
        "it calls guard, which may do anything",
    ),
    "a value": ("ALTER TYPE state ADD VALUE 'lost';", "it adds the value lost to a type"),
    "a contract": ("ALTER TABLE items DROP COLUMN total;", "it contracts"),
}
