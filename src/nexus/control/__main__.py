"""`python -m nexus.control HOME`: the control loop of the stack whose state lies in HOME."""

import asyncio
import logging
import os
import sys
from pathlib import Path

from nexus.control import locks
from nexus.runtimes.home import Home, HomeError

PATIENCE = 10.0


def main() -> int:
    """Takes the lock of the one control loop and runs it; exit code 3 when another one runs."""
    home = Home.at(Path(sys.argv[1]))
    home.prepare()
    logging.basicConfig(
        level=logging.INFO, stream=sys.stdout, format="%(asctime)s %(levelname)s %(message)s", force=True
    )
    lock = locks.hold(home.control_lock, PATIENCE)
    pipe = os.environ.pop("NEXUS_GUARD_PIPE", None)
    if pipe is not None:
        os.close(int(pipe))
    if lock is None:
        print(f"another control loop serves {home.root}", file=sys.stderr)
        return 3
    from nexus.control.loop import raise_limits, run

    raise_limits()
    try:
        asyncio.run(run(home))
    except HomeError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
