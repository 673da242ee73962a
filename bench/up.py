"""How long `nexus up` takes, on empty data and with data, beside its unavoidable parts.

    .venv/bin/python bench/up.py [--runs 3]

The unavoidable parts: initdb, the server's own start, and the CPU time of importing the modules'
libraries once per Python service, divided by the cores that can share it.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time

from nexus.runtimes.process.drivers.postgres import binaries
from nexus.testing import CHECKOUT, ThrowawayStack, throwaway_stack

IMPORTS = (
    "import fastapi, uvicorn, uvloop, httptools, asyncpg, valkey.asyncio, aiohttp, jwt, prometheus_client"
)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--runs", type=int, default=3)
    runs = options.parse_args().runs
    empty, full, parts = [], [], []
    for _ in range(runs):
        with throwaway_stack(start=False) as stack:
            empty.append(_timed(stack))
            services = sum(1 for s in stack.status()["services"] if s["kind"] == "module")
            stack.nexus("down")
            full.append(_timed(stack))
        parts.append(_unavoidable(services))
    floor = statistics.median(parts)
    print(f"nexus up, empty data: {_row(empty)}   (floor: 15 s)")
    print(f"nexus up, with data:  {_row(full)}   (floor: 10 s)")
    print(f"unavoidable parts:    {floor:5.1f} s  ({services} Python services on {os.cpu_count()} cores)")


def _timed(stack: ThrowawayStack) -> float:
    began = time.perf_counter()
    stack.up()
    return time.perf_counter() - began


def _unavoidable(services: int) -> float:
    """Seconds of initdb plus the imports' CPU over the cores."""
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o777)
        call = [
            str(binaries() / "initdb"),
            "-D",
            f"{folder}/data",
            "-U",
            "postgres",
            "--locale=C",
            "-A",
            "trust",
        ]
        user = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
        subprocess.run(call, check=True, capture_output=True, cwd="/", **user)  # type: ignore[call-overload]
    initdb = time.perf_counter() - began
    began = time.process_time()
    before = os.times()
    subprocess.run([sys.executable, "-c", IMPORTS], check=True, cwd=CHECKOUT)
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return initdb + cpu * services / (os.cpu_count() or 1)


def _row(seconds: list[float]) -> str:
    ordered = sorted(seconds)
    middle = statistics.median(ordered)
    return f"median {middle:5.1f} s, min {ordered[0]:.1f}, max {ordered[-1]:.1f}, runs {len(ordered)}"


if __name__ == "__main__":
    main()
