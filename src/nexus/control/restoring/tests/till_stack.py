"""A small stack with a database, a cache and a till under a control loop of its own, streamed away."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from valkey import Valkey

from nexus.control.tests.schema_stack import SHARED, SchemaShop
from nexus.recovery.streaming.status import read_status
from nexus.runtimes.home import Home
from nexus.testing import CHECKOUT, ThrowawayStack, eventually, throwaway_stack

STACK = """\
name: small
telemetry: {collect: off}
infrastructure:
  gate: {kind: gateway, runtime: haproxy, port: 9000}
  db: {kind: database, runtime: postgres, port: 9005}
  cache: {kind: cache, runtime: valkey, port: 9006}
recovery: {reserve: 1M, schedule: {zone: UTC}}
"""
AMOUNTS = """\
-- title: every sale has an amount
-- needs: shop
SELECT id FROM shop.sale WHERE amount <= 0
"""


class TillStack(SchemaShop):
    """The stack, and what its operator does."""

    def write(self, version: str, mood: str = "") -> None:
        self.brick("shop", version, mood, port=9001)
        manifest = self.stack.root / "modules" / "shop" / "module.yaml"
        manifest.write_text(manifest.read_text().replace("{hard: [db]}", "{hard: [db, cache]}"))

    @property
    def home(self) -> Home:
        return Home.at(self.stack.home)

    def sell(self, amount: int) -> None:
        """One sale, in a transaction of its own."""
        self.fetch("INSERT INTO shop.sale (amount) VALUES ($1) RETURNING id", amount)

    def amounts(self) -> list[int]:
        return [amount for (amount,) in self.fetch("SELECT amount FROM shop.sale ORDER BY id")]

    def moment(self) -> str:
        """An instant of the server's clock, as `--at` takes it; what was committed before is archived."""
        ((at,),) = self.fetch("SELECT clock_timestamp()")
        self.archived()
        return str(at.isoformat())

    def archived(self) -> None:
        """Returns when the archive holds all that is committed by now."""
        ((place,),) = self.fetch("SELECT (pg_current_wal_flush_lsn() - '0/0')::bigint")

        def is_there() -> bool:
            found = read_status(self.home)
            if found is None or not found.sealed_lsn:
                return False
            high, low = (int(part, 16) for part in found.sealed_lsn.split("/"))
            return bool((high << 32 | low) >= place)

        assert eventually(is_there, within=60.0)

    def restore(self, *arguments: str) -> dict[str, Any]:
        """Restores in place; the last event."""
        done = self.stack.run("restore", *arguments, "--yes", "--json")
        assert done.stdout, done.stderr
        last: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        assert last["exit_code"] == done.returncode
        return last

    def cache(self) -> Valkey:
        password = self.home.secret("cache", "password").read_text().strip()
        return Valkey(host="127.0.0.1", port=9006 + self.stack.offset, password=password)


@contextmanager
def till_stack(where: tuple[str, ...] = ()) -> Iterator[TillStack]:
    """The stack, up with version 1 and one full backup; gone afterwards. `where`: the options of `up` that
    choose a runtime.
    """
    root = Path(tempfile.mkdtemp(prefix="nexus-till-"))
    root.chmod(0o755)
    (root / "nexus.yaml").write_text(STACK + (SHARED if where else ""))
    if where:  # images hold nothing but what is locked
        shutil.copytree(CHECKOUT / "requirements", root / "requirements")
    (root / "invariants").mkdir()
    (root / "invariants" / "amounts.sql").write_text(AMOUNTS)
    try:
        first = TillStack(ThrowawayStack(root, root, 0))
        first.write("1")
        first.migration("1_sales", "CREATE TABLE sale (id bigserial PRIMARY KEY, amount int);")
        with throwaway_stack(root=root, where=where) as stack:
            found = TillStack(stack)
            found.sell(1)
            stack.nexus("backup", "create", "--full")
            yield found
    finally:
        shutil.rmtree(root)
