"""A small stack with a database, a module that has a schema, and a second place on another disk."""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nexus.control.client import Client
from nexus.control.recovering.desk import Desk
from nexus.control.recovering.facts import RecoveryFacts
from nexus.control.recovering.looking import Looker
from nexus.control.recovering.runs import Runs
from nexus.control.recovering.standing import judge
from nexus.runtimes.home import Home
from nexus.testing import ThrowawayStack, throwaway_stack

OTHER_DISK = Path("/dev/shm")  # a file system of its own, as another machine's would be
STACK = """\
name: small
telemetry: {collect: off}
infrastructure:
  db: {kind: database, runtime: postgres, port: 9005}
recovery:
  places:
    safe: {kind: directory, path: %s}
  keep: {hourly: 1, daily: 0, weekly: 0, monthly: 0}
"""
TILL = """\
name: till
runtime: command
command: [python3, till.py]
port: 9001
needs: {hard: [db]}
database: {schema: till}
health: {live: /, ready: /}
"""
SERVER = """\
import os
from http.server import HTTPServer, SimpleHTTPRequestHandler

HTTPServer(("127.0.0.1", int(os.environ["PORT"])), SimpleHTTPRequestHandler).serve_forever()
"""


@dataclass(frozen=True)
class Small:
    """The stack, and its second place."""

    stack: ThrowawayStack
    safe: Path

    def told(self, *arguments: str) -> Any:
        """What a command prints as JSON, whatever its exit code."""
        return json.loads(self.stack.run(*arguments, "--json").stdout)

    def outcome(self, *arguments: str) -> dict[str, Any]:
        """The last event of an operation."""
        lines = self.stack.run(*arguments, "--json").stdout.splitlines()
        found: dict[str, Any] = json.loads(lines[-1])
        return found

    def asked(self, path: str, **told: Any) -> dict[str, Any]:
        """The last event of an operation that the control loop is asked for, as the command does."""
        client = Client(Home.at(self.stack.home))
        return list(client.stream(path, {"who": "carla", **told}))[-1]

    def alarms(self) -> set[str]:
        """What `nexus recovery status` would alarm about, read in this process."""
        return {each.name for each in judge(asyncio.run(self._facts())).alarms}

    async def _facts(self) -> RecoveryFacts:
        home = Home.at(self.stack.home)
        desk = Desk.outside(home, self.stack.root)
        with closing(Runs(home.database)) as runs:
            runs.settle()
            async with desk.repository() as repository:
                return await Looker(desk, runs).facts(repository)

    def ids(self) -> list[str]:
        """The backups in the stack's own place, oldest first."""
        manifests = (self.stack.home / "backups" / "backups").glob("*/manifest")
        return sorted(each.parent.name for each in manifests)

    def is_safe(self, backup: str) -> bool:
        """Whether a backup is in the second place, too."""
        return (self.safe / "backups" / backup / "manifest").exists()


@contextmanager
def small_stack() -> Iterator[Small]:
    """Brings it up, and takes it away afterwards."""
    root = Path(tempfile.mkdtemp(prefix="nexus-root-"))
    root.chmod(0o755)
    safe = Path(tempfile.mkdtemp(prefix="nexus-safe-", dir=OTHER_DISK if OTHER_DISK.is_dir() else None))
    (root / "nexus.yaml").write_text(STACK % safe)
    script = root / "modules" / "till" / "migrations" / "20260101000000_first" / "migration.sql"
    script.parent.mkdir(parents=True)
    script.write_text("CREATE TABLE receipts (id int PRIMARY KEY);\n")
    (root / "modules" / "till" / "module.yaml").write_text(TILL)
    (root / "modules" / "till" / "till.py").write_text(SERVER)
    try:
        with throwaway_stack(root=root) as stack:
            yield Small(stack, safe)
    finally:
        shutil.rmtree(root, ignore_errors=True)
        shutil.rmtree(safe, ignore_errors=True)
