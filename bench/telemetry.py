"""What telemetry costs, and how soon it tells: on the whole ERP, with telemetry and without, in one run.

    .venv/bin/python bench/telemetry.py [--runs 5] [--orders 600] [--idle 60]

1. Idle: CPU of the collector over `--idle` seconds, and its memory.
2. `nexus simulate` in turns on a stack with telemetry and on one without: completed orders per second.
3. From a line's writing to its being found, and from a metric's change to its being seen.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from nexus.testing import ThrowawayStack, copied_root, eventually, throwaway_stack

SETTLED = 30.0  # seconds after the start until a stack counts as idle
FINDS = 10


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--runs", type=int, default=5)
    options.add_argument("--orders", type=int, default=600)
    options.add_argument("--idle", type=float, default=60.0)
    asked = options.parse_args()
    with _stack(collects=True) as on:
        time.sleep(SETTLED)
        _idle(on, asked.idle)
        _latency(on)
        with _stack(collects=False) as off:
            _throughput(on, off, asked.runs, asked.orders)


@contextmanager
def _stack(collects: bool) -> Iterator[ThrowawayStack]:
    with copied_root() as root:
        shutil.copytree(Path("objectives"), root / "objectives", dirs_exist_ok=True)
        if not collects:
            file = root / "nexus.yaml"
            file.write_text(file.read_text().replace("telemetry:\n", "telemetry:\n  collect: off\n"))
        with throwaway_stack(root=root) as stack:
            yield stack


def _idle(stack: ThrowawayStack, seconds: float) -> None:
    collector = psutil.Process(_collector(stack))
    before = sum(collector.cpu_times()[:2])
    began = time.monotonic()
    time.sleep(seconds)
    used = (sum(collector.cpu_times()[:2]) - before) / (time.monotonic() - began)
    memory = collector.memory_info().rss / 2**20
    print(f"idle: {used:.1%} of one core, {memory:.0f} MiB   (limits: 3 %, 200 MB)")


def _collector(stack: ThrowawayStack) -> int:
    instances = stack.service("control")["instances"]
    return int(next(each["pid"] for each in instances if each["id"] == "control-collector"))


def _latency(stack: ThrowawayStack) -> None:
    waits = []
    for turn in range(FINDS):
        word = f"needle-{turn}-{time.time_ns()}"
        log = stack.home / "logs" / "sales.log"
        line = {"ts": _now(), "level": "info", "service": "sales", "message": word}
        with open(log, "ab") as handle:
            handle.write(json.dumps(line).encode() + b"\n")
        began = time.monotonic()
        eventually(lambda word=word: _asked(stack, f"/v1/telemetry/logs?text={word}")["rows"], within=10)
        waits.append(time.monotonic() - began)
    print(f"a line is found after {_row(waits, 's')}   (limit: 2 s)")


def _throughput(on: ThrowawayStack, off: ThrowawayStack, runs: int, orders: int) -> None:
    rates: dict[str, list[float]] = {"with": [], "without": []}
    for stack in (on, off):
        _simulate(stack, orders)  # warm
    for _ in range(runs):
        for name, stack in (("with", on), ("without", off)):
            rates[name].append(_simulate(stack, orders)["orders_per_second"])
    shares = [a / b for a, b in zip(rates["with"], rates["without"], strict=True)]
    print(f"orders/s with telemetry:    {_row(rates['with'])}")
    print(f"orders/s without:           {_row(rates['without'])}")
    print(f"with / without:             {statistics.median(shares):.3f}   (floor: 0.95)")


def _simulate(stack: ThrowawayStack, orders: int) -> Any:
    return json.loads(stack.nexus("simulate", "--orders", str(orders), "--json"))


def _asked(stack: ThrowawayStack, path: str) -> Any:
    from nexus.control.client import Client
    from nexus.runtimes.home import Home

    return Client(Home.at(stack.home)).get(path)


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime())


def _row(values: list[float], unit: str = "") -> str:
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{middle:.2f} {unit} ({low:.2f} to {high:.2f})"


if __name__ == "__main__":
    main()
