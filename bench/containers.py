"""The ERP in containers beside Docker Compose itself, and beside the same ERP as plain processes.

    .venv/bin/python bench/containers.py [--runs 3] [--seconds 30]

1. `nexus up --runtime compose` with all images built and no data, and `docker compose up -d --wait` of the
   very file it renders, also with no data: what planning, journal and step-by-step waiting cost.
2. `nexus simulate` as fast as its clients can, on processes and on Compose, one after the other.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import time
from pathlib import Path
from typing import Any

from nexus.testing import ThrowawayStack, throwaway_stack

COMPOSE = ("--runtime", "compose")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--runs", type=int, default=3)
    options.add_argument("--seconds", type=int, default=30)
    asked = options.parse_args()
    ours, theirs = [], []
    for _ in range(asked.runs):
        with throwaway_stack(where=COMPOSE, start=False) as stack:
            stack.nexus("build")
            ours.append(_timed(stack.up))
            stack.nexus("down")
            theirs.append(_docker_compose(stack))
    print(f"nexus up --runtime compose:   {_row(ours)}   (floor: 30 s)")
    print(f"docker compose up -d --wait:  {_row(theirs)}   (the same file, images and settings)")
    rates = {}
    for name, where in (("processes", ()), ("compose", COMPOSE)):
        with throwaway_stack(where=where) as stack:
            stack.nexus("simulate", "--orders", "200")
            report = _simulate(stack, asked.seconds * 60)
            rates[name] = report["orders_per_second"]
            latency = report["latency_ms"]
            rate, seconds = report["orders_per_second"], report["elapsed_s"]
            print(
                f"order to cash on {name}: {rate:.1f} completed orders/s over {seconds:.0f} s, "
                f"confirm to ledger p50 {latency['p50']:.0f} p95 {latency['p95']:.0f} ms"
            )
    print(f"compose / processes:          {rates['compose'] / rates['processes']:.2f}   (floor: 0.80)")


def _timed(act: Any) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def _docker_compose(stack: ThrowawayStack) -> float:
    """Seconds of starting the rendered file without Nexus, on empty volumes."""
    folder = stack.home / "containers"
    variables = dict(line.split("=", 1) for line in (folder / ".env").read_text().splitlines())
    call = ["docker", "compose", "-p", _project(folder), "-f", str(folder / "compose.yaml")]
    env = {**os.environ, **variables, "NEXUS_RELEASE_MIGRATE": "local"}
    try:
        subprocess.run([*call, "down", "-v"], env=env, check=True, capture_output=True)
        began = time.perf_counter()
        subprocess.run([*call, "up", "-d", "--wait", "--no-build"], env=env, check=True, capture_output=True)
        return time.perf_counter() - began
    finally:
        subprocess.run([*call, "down", "-v"], env=env, check=True, capture_output=True)


def _project(folder: Path) -> str:
    text = (folder / "compose.yaml").read_text()
    return next(line.split(": ")[1] for line in text.splitlines() if line.startswith("name: "))


def _simulate(stack: ThrowawayStack, orders: int) -> dict[str, Any]:
    done = stack.run("simulate", "--json", "--orders", str(orders), timeout=1800)
    if not done.stdout:
        raise SystemExit(f"the simulation gave no report:\n{done.stderr}")
    report: dict[str, Any] = json.loads(done.stdout)
    if report["orders"]["failed"] or not report["invariants_ok"]:
        raise SystemExit(f"the simulation failed: {report}")
    return report


def _row(seconds: list[float]) -> str:
    return f"{statistics.median(seconds):5.1f} s ({min(seconds):.1f} to {max(seconds):.1f})"


if __name__ == "__main__":
    main()
