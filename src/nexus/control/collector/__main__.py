"""`python -m nexus.control.collector HOME --port N`: collects telemetry until its stdin is closed."""

import argparse
import asyncio
import contextlib
import json
import logging
import os
import sys
from pathlib import Path

from nexus.control import locks
from nexus.runtimes.home import Home

PATIENCE = 10.0
NICENESS = 5  # what runs the business goes first


def main() -> int:
    """Takes the lock of the one collector and runs it; exit code 3 when another one runs."""
    parser = argparse.ArgumentParser(prog="nexus.control.collector")
    parser.add_argument("home", type=Path)
    parser.add_argument("--port", type=int, required=True, help="of 127.0.0.1, for OTLP and Prometheus")
    parser.add_argument("--forward", default="", help="an OTLP/HTTP endpoint that gets everything too")
    parser.add_argument("--keep", type=json.loads, default={}, help="signal → age (s), size (bytes), as JSON")
    asked = parser.parse_args()
    home = Home.at(asked.home)
    logging.basicConfig(
        level=logging.INFO, stream=sys.stdout, format="%(asctime)s %(levelname)s %(message)s", force=True
    )
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    lock = locks.hold(home.collector_lock, PATIENCE)
    if lock is None:
        print(f"another collector serves {home.root}", file=sys.stderr)
        return 3
    with contextlib.suppress(OSError):
        os.nice(NICENESS)
    from nexus.control.collector.collector import Collector

    asyncio.run(Collector(home, asked.port, asked.forward, asked.keep).run())
    return 0


if __name__ == "__main__":
    sys.exit(main())
