"""A small stack of two modules with schemas, and what its operator does with them."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from nexus.control.client import Client
from nexus.runtimes.home import Home
from nexus.testing import CHECKOUT, ThrowawayStack, throwaway_stack

STACK = """\
name: small
telemetry: {collect: off}
infrastructure:
  postgres: {kind: database, runtime: postgres, port: 9432}
"""
MODULE = """\
name: %s
runtime: python
command: [python, -m, serve]
port: %d
needs: {hard: [postgres]}
health: {live: "", ready: ""}
database: {schema: %s}
rollout: {start: 30s, settle: 100ms, bake: 500ms, drain: 1s}
"""
SERVE = """\
import os
from http.server import HTTPServer, SimpleHTTPRequestHandler

HTTPServer(("127.0.0.1", int(os.environ["PORT"])), SimpleHTTPRequestHandler).serve_forever()
"""


FIRST = "20260101000000_first"
AS_AT_FIRST = f"""
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%LOCK TABLE till.till_rows%'
  AND pid <> pg_backend_pid();
DROP TABLE IF EXISTS stock.more, till.more, till.unseen;
DROP INDEX IF EXISTS till.stray;
ALTER TABLE till.till_rows DROP COLUMN IF EXISTS colour;
TRUNCATE till.till_rows;
DELETE FROM stock._prisma_migrations WHERE migration_name <> '{FIRST}';
DELETE FROM till._prisma_migrations WHERE migration_name <> '{FIRST}';
"""


@dataclass(frozen=True)
class Small:
    """The stack; `write` gives a module one more migration."""

    stack: ThrowawayStack

    @property
    def control(self) -> Client:
        """The control API."""
        return Client(Home.at(self.stack.home))

    def write(self, module: str, name: str, sql: str) -> None:
        """The sources of a module hold this migration from now on."""
        folder = self.stack.root / "modules" / module / "migrations" / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "migration.sql").write_text(sql)

    def policy(self, text: str) -> None:
        """`nexus.yaml` says this of migrations from now on."""
        (self.stack.root / "nexus.yaml").write_text(STACK + text)

    def migrate(self, *arguments: str, code: int = 0) -> str:
        """`nexus migrate ARGUMENTS`, which ends with this exit code; what it printed."""
        done = self.stack.run("migrate", *arguments)
        assert done.returncode == code, f"{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    def read(self, *arguments: str, code: int = 0) -> dict[str, Any]:
        """What a command answers as JSON."""
        done = self.stack.run("migrate", *arguments, "--json")
        assert done.returncode == code, f"{done.stdout}\n{done.stderr}"
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def events(self, *arguments: str, code: int = 0) -> list[dict[str, Any]]:
        """The events of a command that changes something."""
        done = self.stack.run("migrate", *arguments, "--json")
        assert done.returncode == code, f"{done.stdout}\n{done.stderr}"
        return [json.loads(line) for line in done.stdout.splitlines()]

    def pending(self) -> list[str]:
        """`module/name` of all that is pending."""
        modules = self.read("status")["modules"]
        return [f"{each['module']}/{one['name']}" for each in modules for one in each["pending"]]

    def begin(self, *arguments: str) -> subprocess.Popen[Any]:
        """A command that is not waited for; its output is read line by line."""
        return subprocess.Popen(
            [str(CHECKOUT / "nexus"), "migrate", *arguments],
            env=self.stack.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    async def begin_anew(self) -> None:
        """Each module has but its first migration again, in its sources and in the database."""
        self.policy("")
        for folder in self.stack.root.glob("modules/*/migrations/*"):
            if folder.name != FIRST:
                shutil.rmtree(folder)
        connection = await asyncpg.connect(self.stack.admin_dsn())
        try:
            await connection.execute(AS_AT_FIRST)
        finally:
            await connection.close()

    async def query(self, sql: str) -> list[asyncpg.Record]:
        """Rows of the database."""
        connection = await asyncpg.connect(self.stack.admin_dsn())
        try:
            return list(await connection.fetch(sql))
        finally:
            await connection.close()


@contextmanager
def small_stack() -> Iterator[Small]:
    """The stack, up; gone afterwards."""
    root = Path(tempfile.mkdtemp(prefix="nexus-small-"))
    root.chmod(0o755)
    (root / "nexus.yaml").write_text(STACK)
    first = Small(ThrowawayStack(root, root, 0))
    try:
        for port, name in enumerate(("stock", "till"), 9001):
            first.write(name, FIRST, f"CREATE TABLE {name}_rows (id int PRIMARY KEY, note text);")
            (root / "modules" / name / "module.yaml").write_text(MODULE % (name, port, name))
            (root / "modules" / name / "serve.py").write_text(SERVE)
        with throwaway_stack(root=root) as stack:
            yield Small(stack)
    finally:
        shutil.rmtree(root)


@pytest.fixture(scope="module")
def kept() -> Iterator[Small]:
    with small_stack() as running:
        yield running


@pytest.fixture
async def small(kept: Small) -> AsyncIterator[Small]:
    """The one small stack, as if it had just come up."""
    yield kept
    await kept.begin_anew()
