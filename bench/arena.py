"""A stack of its own for a measurement: started by `./nexus`, taken down whatever happens."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


@dataclass
class Arena:
    """A stack under `home`, its ports moved by `offset`."""

    home: Path
    offset: int

    def nexus(self, *arguments: str, check: bool = True, **options: Any) -> subprocess.CompletedProcess[str]:
        """Runs `./nexus ARGUMENTS` on this stack."""
        environment = {**os.environ, "NEXUS_HOME": str(self.home)}
        call = [str(ROOT / "nexus"), *arguments]
        options = {"capture_output": True, "text": True, **options}
        done = subprocess.run(call, env=environment, check=False, cwd=ROOT, **options)
        if check and done.returncode:
            raise SystemExit(f"{' '.join(call)} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
        return done

    def up(self, *arguments: str) -> None:
        self.nexus("up", "--port-offset", str(self.offset), *arguments)

    def down(self) -> None:
        self.nexus("down", check=False)

    def status(self) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self.nexus("status", "--json").stdout)
        return answer

    def pids(self) -> dict[str, list[int]]:
        """Process ids by service, as `nexus status` tells."""
        return {s["name"]: [i["pid"] for i in s["instances"]] for s in self.status()["services"]}

    def admin_dsn(self) -> str:
        """The PostgreSQL superuser's address."""
        return (self.home / "secrets" / "postgres" / "admin_url").read_text().strip()


@contextmanager
def arena(offset: int = 30_000, *, start: bool = True) -> Iterator[Arena]:
    """A stack in a temporary folder; its processes and files are gone afterwards."""
    home = Path(tempfile.mkdtemp(prefix="nexus-bench-"))
    home.chmod(0o755)
    stack = Arena(home, offset)
    try:
        if start:
            stack.up()
        yield stack
    finally:
        stack.down()
        shutil.rmtree(home, ignore_errors=True)
