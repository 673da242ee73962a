"""A living database of a shop: a schema with its roles, tables of every sort, and rows."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from nexus.migrations import provision

_counter = itertools.count(1)
TABLES = """
SET ROLE shop_owner;
CREATE TABLE shop.customers (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), email text UNIQUE, name text NOT NULL);
CREATE TABLE shop.items (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, customer uuid NOT NULL REFERENCES shop.customers,
    quantity int NOT NULL CHECK (quantity >= 0), note text,
    twice int GENERATED ALWAYS AS (quantity * 2) STORED);
CREATE TABLE shop.ledger (number int PRIMARY KEY, amount numeric NOT NULL);
CREATE TABLE shop.empty (id int PRIMARY KEY, name text);
CREATE TABLE shop.keyless (name text);
CREATE TABLE shop.sealed (day date PRIMARY KEY);
CREATE FUNCTION shop.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'append only'; END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON shop.ledger
    FOR EACH ROW EXECUTE FUNCTION shop.refuse();
CREATE TRIGGER sealed BEFORE UPDATE OR DELETE ON shop.sealed FOR EACH ROW EXECUTE FUNCTION shop.refuse();
INSERT INTO shop.sealed VALUES ('2026-01-01');
INSERT INTO shop.customers (email, name)
    SELECT n || '@example.com', 'Customer ' || n FROM generate_series(1, 50) n;
INSERT INTO shop.items (customer, quantity, note)
    SELECT (SELECT id FROM shop.customers LIMIT 1), n, repeat('x', 100) FROM generate_series(1, {rows}) n;
INSERT INTO shop.ledger SELECT n, n FROM generate_series(1, 10) n;
INSERT INTO shop.keyless SELECT 'name ' || n FROM generate_series(1, 10) n;
RESET ROLE;
"""


@asynccontextmanager
async def living_shop(server: Any, rows: int = 500) -> AsyncIterator[str]:
    """The superuser's address of a database of its own, gone afterwards: a copy has all that are there."""
    name = f"rehearsed_{next(_counter)}"
    await fetch(server.admin_dsn, f"CREATE DATABASE {name}")
    url = server.dsn("postgres", name, server.password)
    try:
        connection = await asyncpg.connect(url)
        try:
            await connection.execute(provision("shop", "shop", "secret'word"))
            await connection.execute(TABLES.format(rows=rows))
        finally:
            await connection.close()
        yield url
    finally:
        await fetch(server.admin_dsn, f"DROP DATABASE {name} WITH (FORCE)")


async def fetch(url: str, sql: str, *arguments: object) -> list[Any]:
    """The rows of one question."""
    connection = await asyncpg.connect(url)
    try:
        return list(await connection.fetch(sql, *arguments))
    finally:
        await connection.close()
