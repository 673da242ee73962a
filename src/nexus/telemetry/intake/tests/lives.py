"""Run by a test: collectors that are killed one after the other while lines are written and logs rotated.

`python lives.py FOLDER LIVES`: writes to FOLDER/till.log, keeps it in FOLDER/store, prints how many lines
there were. Each life is a fork of this process, so that it begins within milliseconds.
"""

import asyncio
import os
import random
import signal
import sys
import threading
import time
from pathlib import Path

from nexus.runtimes.process.rotate import BLOCK, rotate
from nexus.telemetry.intake import Intake
from nexus.telemetry.store import Store
from nexus.telemetry.targets import LogSource, Targets

LIMIT = 2 * BLOCK
PATIENCE = 20.0
LINE = '{"ts":"2026-11-25T21:05:32.882+00:00","level":"info","message":"request","number":%d,"fill":"%s"}\n'


class Till(threading.Thread):
    """Writes numbered lines as fast as they are read, and rotates its log."""

    def __init__(self, path: Path) -> None:
        super().__init__(daemon=True)
        self.path, self.count, self.ended = path, 0, threading.Event()

    def run(self) -> None:
        with open(self.path, "ab", buffering=0) as log:
            while not self.ended.is_set():
                if self.path.stat().st_blocks * 512 < 3 * BLOCK:
                    first = self.count
                    lines = [LINE % (number, "x" * 100) for number in range(first, first + 200)]
                    log.write("".join(lines).encode())
                    self.count += 200
                else:
                    rotate(self.path, LIMIT)
                time.sleep(0.004)


def live(folder: Path, enough: int = 0) -> None:
    """One collector, until it is killed, or has stored everything (`enough` rows)."""

    async def collect() -> None:
        store = Store(folder / "store")
        intake = Intake(store)
        source = LogSource("file:till", "till", "file", str(folder / "till.log"), "json")
        intake.aim(Targets("nexus", "/", "process", sources=(source,)))
        running = asyncio.create_task(intake.run())
        give_up = time.monotonic() + PATIENCE
        while time.monotonic() < give_up and not 0 < enough <= store.committed("logs"):
            await asyncio.sleep(0.05)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        store.close()

    asyncio.run(collect())


def main() -> None:
    folder, lives = Path(sys.argv[1]), int(sys.argv[2])
    till = Till(folder / "till.log")
    till.path.touch()
    chance = random.Random(7)
    children = []
    for number in range(lives):
        pid = os.fork()
        if not pid:
            live(folder)
        if not number:
            till.start()  # threads are not forked, so the children have none
        time.sleep(chance.uniform(0.05, 0.6))
        os.kill(pid, signal.SIGKILL)
        children.append(os.waitpid(pid, 0)[1])
    till.ended.set()
    till.join()
    assert children == [signal.SIGKILL] * lives, "nobody ended by himself"
    live(folder, till.count)
    print(till.count)


if __name__ == "__main__":
    main()
