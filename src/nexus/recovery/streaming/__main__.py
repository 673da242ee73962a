"""`python -m nexus.recovery.streaming HOME`: streams, as it is told on its stdin, until that is closed."""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import logging
import os
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TextIO

from nexus.recovery.streaming import rooms
from nexus.recovery.streaming.archive import Archive
from nexus.recovery.streaming.told import Told
from nexus.runtimes.home import Home

log = logging.getLogger("nexus.recovery")

PATIENCE = 10.0  # seconds for another one to end
NICENESS = 5  # of the threads that seal: what runs the business goes first
LONGEST_LINE = 1 << 20


def main() -> int:
    """Takes the lock of the one stream and runs it; exit code 3 when another one runs."""
    parser = argparse.ArgumentParser(prog="nexus.recovery.streaming")
    parser.add_argument("home", type=Path)
    home = Home.at(parser.parse_args().home)
    form = "%(asctime)s %(levelname)s %(message)s"
    logging.basicConfig(level=logging.INFO, stream=sys.stdout, format=form, force=True)
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    rooms.root(home)
    lock = _hold(rooms.lock(home))
    if lock is None:
        print(f"another process streams for {home.root}", file=sys.stderr)
        return 3
    asyncio.run(_run(home))
    return 0


async def _run(home: Home) -> None:
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(4, "seal", initializer=_stand_back))
    archive = Archive(home)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, archive.end)
    reader = asyncio.StreamReader(LONGEST_LINE)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    hearing = asyncio.create_task(_hear(reader, archive), name="hear what there is to do")
    try:
        await archive.run()
    finally:
        hearing.cancel()


async def _hear(reader: asyncio.StreamReader, archive: Archive) -> None:
    while line := await reader.readline():
        try:
            archive.tell(Told.from_line(line.decode()))
        except (ValueError, KeyError) as error:
            log.error("what the stream was told cannot be understood: %s", error)
    archive.end()


def _stand_back() -> None:
    """On Linux a thread has a niceness of its own (setpriority(2))."""
    if sys.platform.startswith("linux"):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)


def _hold(path: Path) -> TextIO | None:
    """Takes the lock for as long as the file stays open; None when another process keeps it."""
    handle = open(path, "a", opener=lambda name, flags: os.open(name, flags, 0o600))  # noqa: SIM115
    give_up = time.monotonic() + PATIENCE
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return handle
        except BlockingIOError:
            if time.monotonic() > give_up:
                handle.close()
                return None
            time.sleep(0.01)


if __name__ == "__main__":
    sys.exit(main())
