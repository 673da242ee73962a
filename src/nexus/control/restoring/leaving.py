"""Taking away what a restore made beside: the folder, and what is left of one that was killed meanwhile."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

from nexus.control.restoring.proving import end_proof
from nexus.recovery.errors import RecoveryError
from nexus.recovery.restoring.restore import forget
from nexus.runtimes.protocol import StartError


async def take_away(data: Path) -> None:
    """Removes `data`, the draft that it was made in and the server that proved it, which are ended.

    Raises:
        StartError: a restore into it is under way, or it cannot be removed.
    """
    try:
        await asyncio.to_thread(forget, data)
        await asyncio.to_thread(end_proof, data)
        if data.exists():
            await asyncio.to_thread(shutil.rmtree, data)
    except (RecoveryError, OSError) as error:
        raise StartError(f"what was restored cannot be removed: {error}") from error
