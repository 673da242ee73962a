"""`nexus simulate`: orders as users would place them, through Nginx and the gateway."""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
import random
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path
from typing import Any

from nexus_company.client import ApiError, Client
from nexus_company.errands import browse, run_errands
from nexus_company.journey import Journeys, Tally
from nexus_company.shop import open_shop

PROGRESS_EVERY = 2.0  # seconds


def main() -> None:
    """Parses, runs and reports; exit 1 when an order failed or an invariant is broken, 2 on bad input."""
    options = _options().parse_args()
    if (options.rate is None) != (options.duration is None):
        _options().error("--rate and --for go together: --rate 50 --for 60s")
    try:
        report = asyncio.run(simulate(options))
    except ApiError as refused:
        sys.exit(f"simulate: the ERP refused: {refused}")
    except KeyError as absent:
        print(f"simulate: {absent} is not set: start it as `nexus simulate`", file=sys.stderr)
        sys.exit(2)
    print(json.dumps(report) if options.json else _sentence(report))
    sys.exit(0 if report["invariants_ok"] and not report["orders"]["failed"] else 1)


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="nexus simulate", description=__doc__)
    parser.add_argument("--orders", type=_positive, default=None, help="how many orders (default 100)")
    parser.add_argument("--rate", type=float, help="orders per second, for --for")
    parser.add_argument("--for", dest="duration", type=_seconds, help="how long, e.g. 60s, 5m, 1h")
    parser.add_argument(
        "--clients", type=_positive, default=128, help="orders in flight at once with --orders"
    )
    parser.add_argument("--cancel-share", type=float, default=0.03, help="share of quotations turned down")
    parser.add_argument("--patience", type=_seconds, default=90.0, help="longest confirm-to-ledger time")
    parser.add_argument("--seed", type=int, default=1, help="same seed, same choices")
    parser.add_argument("--json", action="store_true", help="the report as one JSON object on stdout")
    return parser


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def _seconds(text: str) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|h)?", text)
    if not match:
        raise argparse.ArgumentTypeError(f"{text!r} is not a duration: write 60s, 5m or 1h")
    return float(match[1]) * {"ms": 0.001, "s": 1, "m": 60, "h": 3600, None: 1}[match[2]]


async def simulate(options: argparse.Namespace) -> dict[str, Any]:
    """Runs the simulation and returns the documented report."""
    rng = random.Random(options.seed)
    expected = options.orders or (int(options.rate * options.duration) if options.rate else 100)
    password = Path(os.environ["NEXUS_ADMIN_PASSWORD_FILE"]).read_text().strip()
    async with Client(os.environ["NEXUS_URL"], os.environ["NEXUS_ADMIN_EMAIL"], password) as client:
        shop = await open_shop(client, expected, rng)
        journeys = Journeys(client, shop, rng, cancel_share=options.cancel_share, patience=options.patience)
        helpers = [
            asyncio.create_task(journeys.watch()),
            asyncio.create_task(_progress(journeys.tally, expected)),
            asyncio.create_task(_aside("browsing", browse(client), journeys.tally)),
        ]
        started = time.perf_counter()
        errands = asyncio.create_task(_aside("errands", run_errands(client, shop), journeys.tally))
        running: set[asyncio.Task[None]] = set()
        try:
            async for _ in _starts(options, expected, running):
                task = asyncio.create_task(journeys.one())
                running.add(task)
                task.add_done_callback(running.discard)
            while running:
                await asyncio.wait(running)
            elapsed = time.perf_counter() - started
            await errands
        finally:
            for helper in (*helpers, errands):
                helper.cancel()
            await asyncio.gather(*helpers, errands, return_exceptions=True)
        return _report(journeys.tally, elapsed, client.retries, await _books_are_clean())


async def _aside(what: str, doing: Awaitable[None], tally: Tally) -> None:
    """Something beside the orders: its failure is told and fails no order."""
    try:
        await doing
    except ApiError as refused:
        tally.reasons[f"{what}: {refused}"] = 1


async def _starts(
    options: argparse.Namespace, expected: int, running: set[asyncio.Task[None]]
) -> AsyncIterator[int]:
    """Says when the next order starts: paced with --rate, else as soon as a client is free."""
    began = time.perf_counter()
    for number in range(expected):
        if options.rate:
            await asyncio.sleep(max(0.0, began + number / options.rate - time.perf_counter()))
        while not options.rate and len(running) >= options.clients:
            await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        yield number


async def _progress(tally: Tally, expected: int) -> None:
    last, since = 0, time.perf_counter()
    while True:
        await asyncio.sleep(PROGRESS_EVERY)
        now = time.perf_counter()
        pace = (tally.completed - last) / (now - since)
        last, since = tally.completed, now
        print(
            f"{tally.placed}/{expected} placed, {tally.completed} completed ({pace:.0f}/s), "
            f"{tally.cancelled} cancelled, {tally.failed} failed",
            file=sys.stderr,
            flush=True,
        )


async def _books_are_clean() -> bool:
    """Runs the invariants; the offending rows go to stderr."""
    check = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "nexus", "check", "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        result = json.loads(check.stdout)
    except ValueError:
        print(f"nexus check gave no answer: {check.stderr.strip()}", file=sys.stderr)
        return False
    for invariant in result["invariants"]:
        if not invariant["ok"]:
            print(f"invariant broken: {invariant['name']}: {invariant['rows']} rows", file=sys.stderr)
    return bool(result["ok"])


def _report(tally: Tally, elapsed: float, retries: int, clean: bool) -> dict[str, Any]:
    ordered = sorted(tally.latencies)
    return {
        "orders": {
            "placed": tally.placed,
            "completed": tally.completed,
            "cancelled": tally.cancelled,
            "failed": tally.failed,
        },
        "elapsed_s": round(elapsed, 3),
        "orders_per_second": round(tally.completed / elapsed, 2) if elapsed else 0.0,
        "latency_ms": {f"p{q}": _quantile(ordered, q / 100) for q in (50, 95, 99)},
        "invariants_ok": clean,
        "retries": retries,
        "reasons": tally.reasons,
    }


def _quantile(ordered: list[float], q: float) -> float | None:
    """The nearest-rank quantile in milliseconds; None without a completed order."""
    if not ordered:
        return None
    return round(ordered[max(0, math.ceil(q * len(ordered)) - 1)] * 1000, 1)


def _sentence(report: dict[str, Any]) -> str:
    orders, latency = report["orders"], report["latency_ms"]
    books = "clean" if report["invariants_ok"] else "NOT clean: run `nexus check`"
    text = (
        f"{orders['completed']} of {orders['placed']} orders completed, {orders['cancelled']} cancelled, "
        f"{orders['failed']} failed in {report['elapsed_s']} s ({report['orders_per_second']}/s); "
        f"confirm to ledger p50 {latency['p50']} ms, p95 {latency['p95']} ms; books {books}"
    )
    return text + "".join(f"\n  {count} x {reason}" for reason, count in report["reasons"].items())


if __name__ == "__main__":
    main()
