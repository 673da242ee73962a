"""Learning of a process's death at once, also of one we did not start."""

from __future__ import annotations

import asyncio
import os
import signal

from nexus.runtimes.process.identity import alive

POLL_SECONDS = 0.2


async def ended(pid: int, born: str) -> None:
    """Returns when the process (pid and birth) has ended."""
    if not hasattr(os, "pidfd_open"):
        await _ended_by_polling(pid, born)
        return
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    except OSError:
        await _ended_by_polling(pid, born)
        return
    loop = asyncio.get_running_loop()
    gone = asyncio.Event()
    try:
        if not alive(pid, born):
            return
        loop.add_reader(descriptor, gone.set)
        await gone.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


async def _ended_by_polling(pid: int, born: str) -> None:
    while alive(pid, born):  # noqa: ASYNC110 - the system offers no event here
        await asyncio.sleep(POLL_SECONDS)


def send(pid: int, born: str, number: int) -> bool:
    """Sends a signal to that very process; False when it has ended."""
    if not alive(pid, born):
        return False
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


def kill_group(pid: int) -> None:
    """Kills what is left of the process group that `pid` led."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return
