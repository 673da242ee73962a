"""Log intake, whole: a file of modules' lines → parsed → masked → stored; and how soon one line is findable.

    .venv/bin/python bench/telemetry_intake.py [--lines 3000000] [--probes 20]

Floors: 100,000 lines/s on 2 cores, 60 bytes a line on disk, 2 s from write to findable. Beside it what a
plain copy and a plain search of the same file take: nobody who reads it can be faster.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import resource
import shutil
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from nexus.telemetry.intake import Intake
from nexus.telemetry.query import LogQuery, logs
from nexus.telemetry.store import Store
from nexus.telemetry.targets import LogSource, Targets

ROUTES = ("orders", "orders/{id}", "orders/{id}/confirm", "customers", "products", "stock", "invoices/{id}")
EVENTS = ("order.confirmed", "stock.reserved", "shipment.shipped", "invoice.posted", "payment.received")
BLOCK = 10_000


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--lines", type=int, default=3_000_000)
    options.add_argument("--probes", type=int, default=20)
    asked = options.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="nexus-intake-"))
    try:
        path = folder / "sales.log"
        write(path, asked.lines)
        raw = path.stat().st_size
        print(f"{asked.lines:,} lines, {raw / asked.lines:.0f} bytes each, {os.cpu_count()} cores")
        for name, seconds in limits(path, folder / "copy").items():
            print(f"{name:24} {asked.lines / seconds:12,.0f} lines/s")
        asyncio.run(measure(folder, asked.lines, asked.probes))
    finally:
        shutil.rmtree(folder)


async def measure(folder: Path, lines: int, probes: int) -> None:
    """Runs the intake over the file to its end, then at a low rate."""
    store = Store(folder / "store")
    with taking_in(store, folder / "sales.log") as rows:
        began, cpu = time.perf_counter(), used()
        while rows() < lines:
            await asyncio.sleep(0.02)
        seconds, cpu = time.perf_counter() - began, used() - cpu
        print(f"{'nexus intake':24} {lines / seconds:12,.0f} lines/s   (floor: 100,000)")
        print(
            f"{'':24} {cpu:12.1f} CPU seconds, {cpu / lines * 1e6:.1f} us a line, {cpu / seconds:.2f} cores"
        )
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"{'':24} {peak:12.0f} MB of memory at most")
        took = [await probe(store, folder / "sales.log") for _ in range(probes)]
        print(
            f"{'write to findable':24} {sorted(took)[len(took) // 2]:12.2f} s median, {max(took):.2f} at most"
        )
    store.close()
    size = sum(each.stat().st_size for each in (folder / "store").rglob("*") if each.is_file())
    print(f"{'on disk':24} {size / lines:12.1f} bytes a line   (floor: 60)")


@contextmanager
def taking_in(store: Store, path: Path) -> Iterator[Callable[[], int]]:
    intake = Intake(store)
    source = LogSource("file:sales", "sales", "file", str(path), "json")
    intake.aim(Targets("nexus", "/", "process", sources=(source,)))
    running = asyncio.create_task(intake.run())
    yield lambda: int(intake.facts()["rows"])
    running.cancel()


async def probe(store: Store, path: Path) -> float:
    """Seconds from a line's write until a search finds it."""
    await asyncio.sleep(random.uniform(0.1, 0.9))
    needle = uuid.uuid4().hex
    with open(path, "a") as log:
        log.write(f'{{"ts":"{datetime.now(UTC).isoformat()}","level":"info","message":"probe {needle}"}}\n')
    began = time.perf_counter()
    query = LogQuery(text=needle, since=datetime.now(UTC) - timedelta(minutes=1), limit=1)
    while not (await asyncio.to_thread(logs, store, query)).rows:
        await asyncio.sleep(0.05)
    return time.perf_counter() - began


def limits(path: Path, copy: Path) -> dict[str, float]:
    found = {"cp (limit)": timed("cp", str(path), str(copy))}
    copy.unlink()
    if shutil.which("rg"):
        found["rg -c (limit)"] = timed("rg", "-c", "--text", "order.confirmed", str(path))
    return found


def timed(*command: str) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def used() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def write(path: Path, count: int) -> None:
    chance = random.Random(1)
    moment = datetime.now(UTC) - timedelta(milliseconds=count)
    with open(path, "w") as log:
        for first in range(0, count, BLOCK):
            block = range(first, min(first + BLOCK, count))
            log.writelines(line(chance, moment + timedelta(milliseconds=number)) for number in block)


def line(chance: random.Random, when: datetime) -> str:
    """What a module writes: mostly requests, some events."""
    trace, span = f"{chance.getrandbits(128):032x}", f"{chance.getrandbits(64):016x}"
    head = (
        f'{{"ts":"{when.isoformat(timespec="milliseconds")}","level":"info","service":"sales",'
        f'"release":"c1de7a005a6f","instance":"sales-1",'
    )
    who = f'"trace_id":"{trace}","span_id":"{span}"'
    if chance.random() < 0.15:
        return (
            f'{head}"message":"event handled",{who},"event":"{chance.choice(EVENTS)}",'
            f'"event_id":"{uuid.UUID(int=chance.getrandbits(128))}","attempt":1}}\n'
        )
    route = "/api/sales/" + chance.choice(ROUTES)
    path = route.replace("{id}", str(uuid.UUID(int=chance.getrandbits(128))))
    return (
        f'{head}"message":"request",{who},"method":"{chance.choice(("GET", "GET", "POST"))}","path":"{path}",'
        f'"route":"{route}","status":{chance.choice((200, 200, 200, 201, 409))},'
        f'"ms":{chance.expovariate(0.1):.2f},"client":"127.0.0.1","request_id":"{trace}"}}\n'
    )


if __name__ == "__main__":
    main()
