"""A small stack to be drilled: a module with rows, a total, an invariant, a way of users, a second place."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nexus.control.rehearsing
from nexus.recovery.streaming.status import read_status
from nexus.runtimes.home import Home
from nexus.testing import ThrowawayStack, eventually, throwaway_stack

SHOP = Path(nexus.control.rehearsing.__file__).parent / "tests" / "shop.py"  # reads and writes its items
STACK = """\
name: drilled
telemetry: {collect: off}
infrastructure:
  store: {kind: database, runtime: postgres, port: 9200}
  edge: {kind: edge, runtime: nginx, port: 9202, needs: {soft: [shop]}, upstreams: {/: shop},
         health: {live: /edge/health, ready: /edge/health}}
processes:
  sell:
    title: {en: Sell, pt-BR: Vender}
    steps: [{name: note, module: shop, title: {en: Note, pt-BR: Anotar}, requests: [POST /items]}]
probes:
  note-an-item:
    title: {en: Note an item, pt-BR: Anotar um item}
    process: sell
    every: 60s
    timeout: 10s
    steps:
      - {name: note, title: {en: Note, pt-BR: Anotar}, request: POST /items,
         body: {name: "{run}"}, expect: 201}
invariants: invariants
recovery:
  synchronous: require
  places:
    safe: {kind: directory, path: %s}
"""
BRICK = """\
name: shop
runtime: python
command: [python, -m, shop]
port: 9201
needs: {hard: [store]}
routes: [/]
public: [/*]
health: {live: /ready, ready: /ready}
database: {schema: shop, migrations: {format: prisma, path: migrations}}
rollout: {start: 20s, settle: 100ms}
"""
FILES = {
    "invariants/priced.sql": "-- title: prices are above zero\n-- needs: shop\n"
    "SELECT id FROM shop.items WHERE price <= 0\n",
    "modules/shop/module.yaml": BRICK,
    "modules/shop/migrations/migration_lock.toml": 'provider = "postgresql"\n',
    "modules/shop/migrations/20260101000000_first/migration.sql": """\
CREATE TABLE items (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, price numeric NOT NULL,
    remark text, colour text);
INSERT INTO items (name, price) SELECT 'item ' || n, n FROM generate_series(1, 200) n;
""",
    "modules/shop/totals/stock.sql": "-- title: stock value\n-- needs: shop\n-- unit: BRL\n"
    "SELECT NULL::text, sum(price) FROM shop.items\n",
    "totals/clock.sql": "-- title: clock\n-- needs: shop\n-- unit: s\nSELECT '', extract(epoch FROM now())\n",
}


@dataclass(frozen=True)
class Drilled:
    """The stack, and its second place."""

    stack: ThrowawayStack
    safe: Path

    def outcome(self, *arguments: str) -> dict[str, Any]:
        """The last event of a command, whatever its exit code."""
        done = self.stack.run(*arguments, "--json", timeout=240.0)
        try:
            found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        except (IndexError, ValueError):
            raise AssertionError(f"nexus {' '.join(arguments)}:\n{done.stdout}\n{done.stderr}") from None
        return found

    def begin(self, *arguments: str) -> subprocess.Popen[bytes]:
        """A command that runs on."""
        command = (sys.executable, "-m", "nexus", *arguments)
        return subprocess.Popen(
            command,
            env=self.stack.environment(),
            cwd=self.stack.root,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    @property
    def rooms(self) -> list[Path]:
        """What drills have made and not cleaned up."""
        return sorted((self.stack.home / "drills").glob("*"))


@contextmanager
def drilled_stack() -> Iterator[Drilled]:
    """Brings it up, takes a backup, and takes all away afterwards."""
    root, safe = (Path(tempfile.mkdtemp(prefix=f"nexus-{name}-")) for name in ("drilled", "safe"))
    root.chmod(0o755)
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    (root / "nexus.yaml").write_text(STACK % safe)
    shutil.copy(SHOP, root / "modules" / "shop")
    try:
        with throwaway_stack(root=root) as stack:
            stack.nexus("backup", "create", "--full")
            eventually(lambda: list(safe.glob("backups/*/manifest")), within=60.0)
            eventually(lambda: _measured(stack), within=60.0)
            yield Drilled(stack, safe)
    finally:
        shutil.rmtree(root)
        shutil.rmtree(safe)


def _measured(stack: ThrowawayStack) -> bool:
    """Whether the stream knows how far the second place is."""
    status = read_status(Home.at(stack.home))
    return status is not None and any(
        each.seconds is not None for each in status.places if each.name == "safe"
    )
