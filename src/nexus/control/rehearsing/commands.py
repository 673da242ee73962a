"""`nexus` for a stack in another home, as an operator would type it."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nexus.control.launch import processes
from nexus.control.outside import leftovers
from nexus.migrations.rehearsing import leftovers as places
from nexus.postgres.programs import end
from nexus.runtimes.home import Home
from nexus.runtimes.process.identity import alive
from nexus.runtimes.process.watch import kill_group
from nexus.runtimes.site import EDGE_HOST, ENDPOINT, LOOPBACK
from nexus.stack import ManifestError, load_stack

LIMIT_S = 900.0
UNSAID = 3  # last lines that are told of a command that failed


@dataclass(frozen=True)
class Said:
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def last(self) -> str:
        """Its last lines, in one."""
        lines = [line.strip() for line in (self.err.strip() or self.out.strip()).splitlines() if line.strip()]
        return " / ".join(lines[-UNSAID:])

    def json(self) -> dict[str, Any]:
        """What it printed, as data; nothing where it printed none."""
        try:
            told = json.loads(self.out)
        except ValueError:
            return {}
        return told if isinstance(told, dict) else {}


@dataclass(frozen=True)
class Commands:
    """Commands for the stack below `root` whose state lies in `home`."""

    home: Home
    root: Path

    async def run(self, *arguments: str, limit: float = LIMIT_S) -> Said:
        """Runs a command to its end, at most `limit` seconds; one that is cancelled is ended."""
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "nexus", *arguments),
            env=self._environment(),
            cwd=self.root,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        try:
            out, err = await asyncio.wait_for(child.communicate(), limit)
        except TimeoutError:
            await end(child, signal.SIGKILL)
            return Said(1, "", f"nexus {' '.join(arguments)} did not end within {limit:g} s")
        except asyncio.CancelledError:
            await end(child, signal.SIGTERM)
            raise
        return Said(child.returncode or 0, out.decode("utf-8", "replace"), err.decode("utf-8", "replace"))

    async def take_down(self, name: str) -> str:
        """Takes the stack down and all of its data away; why that did not go orderly, "" when it did."""
        said = await self.run("down", "--delete-data", "--yes", name, limit=120.0)
        left = leftovers(self.home)
        for each in left:
            kill_group(each.pid)
        for pid, born in processes(self.home):  # its control loop and guard would start all of it again
            if alive(pid, born):
                os.kill(pid, signal.SIGKILL)
        if not self.home.run.is_relative_to(self.home.root):
            shutil.rmtree(self.home.run, ignore_errors=True)
        if left:
            return f"{', '.join(each.instance for each in left)} had to be killed: {said.last}"
        return said.last if said.code else ""

    def _environment(self) -> dict[str, str]:
        """Ours, without what would lead to the living stack or have telemetry sent anywhere."""
        own = {name: value for name, value in os.environ.items() if not name.startswith("NEXUS_")}
        own.pop(ENDPOINT, None)
        place = {"NEXUS_HOME": str(self.home.root), "NEXUS_ROOT": str(self.root), "NEXUS_LANG": "en"}
        return {**own, **place, EDGE_HOST: LOOPBACK}  # nobody else is to meet real data there


async def clear_abandoned(folder: Path, root: Path) -> int:
    """Ends and deletes what killed rehearsals left below `folder`; returns how many there were."""
    found = await asyncio.to_thread(places.abandoned, folder)
    for place in found:
        home = Home.at(places.home_in(place))
        if home.database.exists():
            await Commands(home, root).take_down(_name(root))
        await asyncio.to_thread(places.clear, place)
    return len(found)


def _name(root: Path) -> str:
    try:
        return load_stack(root).name
    except ManifestError:
        return ""  # `down` says what is wrong; whatever still runs is killed
