"""Completed orders per second, quote to ledger, beside Tryton 8.2 and beside PostgreSQL's own limit.

    .venv/bin/python bench/order_to_cash.py [--seconds 60] [--rate 55] [--no-tryton]

1. `nexus simulate` at a fixed rate (open loop: latencies are those of a steady day), then as fast
   as its clients can (closed loop), through Nginx and the gateway, fsync on.
2. The write transactions that one order took (transaction ids used), and how many such commits a
   second the same PostgreSQL does with pgbench: no order-to-cash on it can be faster than that.
3. Tryton 8.2 on the same PostgreSQL server: two workers in process, its leanest calls.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import asyncpg

from nexus.runtimes.process.drivers.postgres import binaries
from nexus.testing import CHECKOUT, ThrowawayStack, throwaway_stack

TRYTON = (
    "trytond", "trytond_party", "trytond_product", "trytond_account", "trytond_account_invoice",
    "trytond_account_product", "trytond_account_invoice_stock", "trytond_sale", "trytond_stock", "proteus",
)  # fmt: skip


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--seconds", type=int, default=60)
    options.add_argument("--rate", type=float, default=55.0)
    options.add_argument("--no-tryton", action="store_true")
    asked = options.parse_args()
    with throwaway_stack() as stack:
        stack.nexus("simulate", "--orders", "200")  # warm: caches, prepared statements, plans
        steady = _simulate(stack, "--rate", str(asked.rate), "--for", f"{asked.seconds}s")
        before = _transaction_ids(stack)
        fastest = _simulate(stack, "--orders", str(int(asked.rate * asked.seconds * 1.3)))
        commits = (_transaction_ids(stack) - before) / fastest["orders"]["completed"]
        print(f"at {asked.rate:g}/s for {asked.seconds} s: {_line(steady)}   (floor: p95 2000 ms)")
        print(f"as fast as it goes:    {_line(fastest)}   (floor: 50 orders/s)")
        limit = _pgbench(stack, asked.seconds // 3)
        print(
            f"PostgreSQL's limit:    {limit:.0f} durable commits/s (pgbench, 8 clients); an order took "
            f"{commits:.1f}: {limit / commits:.0f} orders/s if nothing else cost anything"
        )
        if not asked.no_tryton:
            peer = _tryton(stack, asked.seconds)
            ours = fastest["orders_per_second"]
            print(
                f"Tryton 8.2:            {peer:.2f} orders/s with two workers; "
                f"Nexus: {ours / peer:.0f} times that   (floor: 40)"
            )


def _simulate(stack: ThrowawayStack, *arguments: str) -> dict[str, Any]:
    done = stack.run("simulate", "--json", *arguments, timeout=1800)
    if not done.stdout:
        raise SystemExit(f"the simulation gave no report:\n{done.stderr}")
    report: dict[str, Any] = json.loads(done.stdout)
    if report["orders"]["failed"] or not report["invariants_ok"]:
        raise SystemExit(f"the simulation failed: {report}")
    return report


def _line(report: dict[str, Any]) -> str:
    latency = report["latency_ms"]
    return (
        f"{report['orders_per_second']:.1f} completed orders/s over {report['elapsed_s']:.0f} s, "
        f"confirm to ledger p50 {latency['p50']:.0f} p95 {latency['p95']:.0f} p99 {latency['p99']:.0f} ms"
    )


def _ask(stack: ThrowawayStack, sql: str) -> Any:
    async def ask() -> Any:
        connection = await asyncpg.connect(stack.admin_dsn())
        try:
            return await connection.fetchval(sql)
        finally:
            await connection.close()

    return asyncio.run(ask())


def _transaction_ids(stack: ThrowawayStack) -> int:
    return int(_ask(stack, "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint"))


def _pgbench(stack: ThrowawayStack, seconds: int) -> float:
    """Durable commits per second of the smallest useful write on this server, eight clients."""
    _ask(
        stack,
        "CREATE TABLE IF NOT EXISTS public.bench_commit (id bigserial, at timestamptz DEFAULT now())",
    )
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write("INSERT INTO public.bench_commit DEFAULT VALUES;\n")
        script.flush()
        options = ["-n", "-M", "prepared", "-c", "8", "-j", "2", "-T", str(max(5, seconds))]
        call = [str(binaries() / "pgbench"), *options, "-f", script.name]
        out = subprocess.run(call, check=True, capture_output=True, text=True, env=_libpq(stack)).stdout
    _ask(stack, "DROP TABLE public.bench_commit")
    return next(float(line.split()[2]) for line in out.splitlines() if line.startswith("tps"))


def _libpq(stack: ThrowawayStack) -> dict[str, str]:
    """The server's address as libpq's variables: a password on a command line can be read by others."""
    parts = urlsplit(stack.admin_dsn())
    address = {
        "HOST": parts.hostname,
        "PORT": str(parts.port),
        "USER": parts.username,
        "PASSWORD": parts.password,
    }
    address["DATABASE"] = parts.path.lstrip("/")
    return {**os.environ, **{f"PG{name}": unquote(value or "") for name, value in address.items()}}


def _tryton(stack: ThrowawayStack, seconds: int) -> float:
    """Orders per second of two Tryton workers on the same server."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "nexus-bench" / "tryton"
    python = cache / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(cache)], check=True)
        wanted = [f"{name}==8.2.*" for name in TRYTON]
        subprocess.run(
            [str(python), "-m", "pip", "install", "-qq", *wanted, "psycopg[binary,pool]"], check=True
        )
    _ask(stack, "CREATE DATABASE tryton TEMPLATE template0")
    uri = stack.admin_dsn().rsplit("/", 1)[0] + "/tryton"
    env = {**os.environ, "TRYTOND_DATABASE_URI": uri}
    peers = CHECKOUT / "bench" / "peers"
    prepare = [str(python), "-W", "ignore", str(peers / "tryton_company.py")]
    subprocess.run(prepare, check=True, env=env, stdout=subprocess.DEVNULL)
    call = [str(python), "-W", "ignore", str(peers / "tryton_orders.py"), str(seconds)]
    workers = [subprocess.Popen(call, env=env, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    reports = [json.loads(worker.communicate(timeout=seconds + 180)[0]) for worker in workers]
    return sum(report["orders"] / report["elapsed_s"] for report in reports)


if __name__ == "__main__":
    main()
