"""A small stack with schemas: a shop and its stock with migrations, and books that a tool migrates."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg

from nexus.control.processes import __file__ as processes
from nexus.control.tests.shop_stack import Shop
from nexus.testing import CHECKOUT, ThrowawayStack, throwaway_stack

STACK = """\
name: small
telemetry: {collect: off}
infrastructure:
  gate: {kind: gateway, runtime: haproxy, port: 9000}
  db: {kind: database, runtime: postgres, port: 9005}
"""
SHARED = "shared: {python: [requirements/runtime.lock, requirements/modules.lock]}\n"
BRICK = """\
name: %(name)s
runtime: python
command: [python, -m, shop]
port: %(port)s
routes: ["%(route)s"]
public: ["%(public)s"]
needs: {hard: [db]}
database: {schema: %(name)s%(more)s}
health: {live: /ready, ready: /ready}
env: {MOOD: "%(mood)s"}
rollout:
  {strategy: canary, steps: [50, 100], start: 20s, settle: 100ms, hold: 300ms, patience: 1s, bake: 1s,
   drain: 1s}
"""
TOOL = '''\
"""Applies versions/*.sql that its own table does not name, as Alembic does."""
import asyncio, os, sys
from pathlib import Path
import asyncpg

async def main():
    connection = await asyncpg.connect(Path(os.environ["DATABASE_URL_FILE"]).read_text())
    await connection.execute("CREATE TABLE IF NOT EXISTS version (name text PRIMARY KEY)")
    done = {row["name"] for row in await connection.fetch("SELECT name FROM version")}
    for file in sorted((Path(__file__).parent / "versions").glob("*.sql")):
        if file.name not in done:
            async with connection.transaction():
                await connection.execute(file.read_text())
                await connection.execute("INSERT INTO version VALUES ($1)", file.name)

try:
    asyncio.run(main())
except asyncpg.PostgresError as error:
    sys.exit(f"{error.sqlstate} {error}")
'''


class SchemaShop(Shop):
    """The stack, and what its operator does."""

    def brick(self, name: str, version: str, mood: str = "", port: int = 9002, more: str = "") -> None:
        """The sources of a module hold this version from now on."""
        folder = self.stack.root / "modules" / name
        folder.mkdir(parents=True, exist_ok=True)
        route = "/" if name == "shop" else f"/{name}"
        values = {"name": name, "port": port, "route": route, "public": f"{route.rstrip('/')}/*"}
        (folder / "module.yaml").write_text(BRICK % {**values, "mood": mood, "more": more})
        (folder / "version.txt").write_text(version)
        shutil.copy(Path(processes).with_name("tests") / "shop.py", folder)

    def write(self, version: str, mood: str = "") -> None:
        self.brick("shop", version, mood, port=9001)

    def migration(self, name: str, sql: str, module: str = "shop") -> None:
        """A migration more in the sources of a module."""
        script = self.stack.root / "modules" / module / "migrations" / name / "migration.sql"
        script.parent.mkdir(parents=True)
        script.write_text(sql)

    def take_out(self, name: str, module: str = "shop") -> None:
        """It is not in the sources any more."""
        shutil.rmtree(self.stack.root / "modules" / module / "migrations" / name)

    def tool(self, file: str, sql: str) -> None:
        """A version more for the tool of the books."""
        versions = self.stack.root / "modules" / "books" / "versions"
        versions.mkdir(parents=True, exist_ok=True)
        (versions / file).write_text(sql)
        (versions.parent / "tool.py").write_text(TOOL)

    def fetch(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows of the database, asked as its superuser."""
        url = (self.stack.home / "secrets" / "db" / "admin_url").read_text().strip()

        async def ask() -> list[tuple[Any, ...]]:
            connection = await asyncpg.connect(url)
            try:
                return [tuple(row) for row in await connection.fetch(sql, *values)]
            finally:
                await connection.close()

        return asyncio.run(ask())

    @contextmanager
    def holding(self, sql: str) -> Iterator[Callable[[], object]]:
        """While inside, a session that ran `sql` stays open; what is given ends it before that."""
        loop = asyncio.new_event_loop()
        url = (self.stack.home / "secrets" / "db" / "admin_url").read_text().strip()
        holder = loop.run_until_complete(asyncpg.connect(url))
        loop.run_until_complete(holder.execute(sql))
        try:
            yield lambda: loop.run_until_complete(holder.close())
        finally:
            loop.run_until_complete(holder.close())
            loop.close()

    def applied(self, schema: str = "shop") -> list[str]:
        """The names of the migrations that are recorded as applied, each as often as it was."""
        rows = self.fetch(
            f"SELECT migration_name FROM {schema}._prisma_migrations WHERE finished_at IS NOT NULL ORDER BY 1"
        )
        return [name for (name,) in rows]

    def columns(self, table: str) -> list[str]:
        """The columns of a table."""
        schema, name = table.split(".")
        query = (
            "SELECT column_name FROM information_schema.columns WHERE table_schema = $1 AND table_name = $2"
        )
        return sorted(column for (column,) in self.fetch(query, schema, name))


@contextmanager
def schema_stack(where: tuple[str, ...] = ()) -> Iterator[SchemaShop]:
    """The stack, up with version 1; gone afterwards. `where`: the options of `up` that choose a runtime."""
    root = Path(tempfile.mkdtemp(prefix="nexus-schemas-"))
    root.chmod(0o755)
    (root / "nexus.yaml").write_text(STACK + (SHARED if where else ""))
    if where:  # images hold nothing but what is locked
        shutil.copytree(CHECKOUT / "requirements", root / "requirements")
    try:
        first = SchemaShop(ThrowawayStack(root, root, 0))
        first.write("1")
        first.brick("stock", "1", port=9002)
        command = ", migrations: {format: command, path: versions, command: [python, -m, tool]}"
        first.brick("books", "1", port=9003, more=command)
        first.migration(
            "1_orders", "-- nexus: depends=stock/2_items\nCREATE TABLE orders (id int, note text);"
        )
        first.migration("1_first", "CREATE TABLE bins (id int);", "stock")
        first.migration("2_items", "CREATE TABLE items (id int);", "stock")
        first.migration("3_more", "-- nexus: depends=shop/1_orders\nCREATE TABLE more (id int);", "stock")
        first.tool("1.sql", "CREATE TABLE entries (id int)")
        with throwaway_stack(root=root, where=where) as stack:
            yield SchemaShop(stack)
    finally:
        shutil.rmtree(root)
