"""Applies a folder; prints each event, and goes on when a line comes in: `apply_and_tell.py DSN FOLDER`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from nexus.migrations import Source, owner_of
from nexus.migrations.applying import Told, apply_pending

SCHEMA = "shop"


def tell(told: Told) -> None:
    print(told.kind, told.line, flush=True)
    sys.stdin.readline()


if __name__ == "__main__":
    source = Source(SCHEMA, SCHEMA, owner_of(SCHEMA), SCHEMA, Path(sys.argv[2]))
    asyncio.run(apply_pending(sys.argv[1], source, tell=tell))
