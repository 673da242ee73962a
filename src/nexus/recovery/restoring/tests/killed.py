"""A restore in a process of its own, which tells where it is, for tests that kill it: told by a file."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from nexus.recovery.places.directory import Directory
from nexus.recovery.repository import Repository
from nexus.recovery.restoring.choose import choose
from nexus.recovery.restoring.restore import restore
from nexus.recovery.restoring.target import Target
from nexus.recovery.sealing import Keys


async def main() -> None:
    told = json.loads(sys.stdin.readline())
    repository = Repository(
        (Directory("local", Path(told["place"])),), Keys((), told["identity"]), Path(told["scratch"])
    )
    choice = await choose(repository, Target("latest"))
    await restore(choice, repository, Path(told["data"]), lambda said: print(said, flush=True))


if __name__ == "__main__":
    asyncio.run(main())
