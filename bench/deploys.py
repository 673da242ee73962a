"""Twelve deploys in a row under load, and the same deploys done as peers do them.

    .venv/bin/python bench/deploys.py [--runtime process|compose] [--deploys 12] [--no-peers]

1. Steady: `--rate` GETs a second over all modules through the edge, and `--orders` orders a second.
2. The same while modules are deployed one after the other, each a release that never ran before, let in as
   its manifest says. A request fails that gets no answer or none of 2xx; an order is lost that never
   completes.
3. A warm deploy of one module without a bake: seconds until it has all requests.
4. Peers, under the same load and counted the same way: `docker compose up -d --build`, `docker service
   update` (start-first) and `nginx -s reload` (with `--runtime compose`; nginx alone on plain processes).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from open_loop import Answer, OpenLoop, quantile
from peers.releases import PEERS

from nexus.testing import ThrowawayStack, copied_root, throwaway_stack

PATHS = (
    "/api/sales/orders?limit=5",
    "/api/inventory/stock?limit=5",
    "/api/financial/invoices?limit=5",
    "/api/crm/customers?limit=5",
    "/api/users/me",
    "/api/auth/sessions",
    "/login",
)
MODULES = ("sales", "inventory", "financial", "crm", "users", "auth", "frontend")
TOKEN_LASTS = 240.0  # seconds until a new one is fetched
BEGUN = 20.0  # seconds until orders are under way
STEADY = 30.0  # seconds before all deploys, and as many after them


def main() -> None:
    asked = _options().parse_args()
    where = () if asked.runtime == "process" else ("--runtime", asked.runtime)
    with copied_root() as root, throwaway_stack(root=root, where=where) as stack:
        stack.nexus("simulate", "--orders", "100")  # warm: caches, plans, customers to read
        with loaded(stack, asked) as load:
            time.sleep(BEGUN)
            steady = _steady(load)
            bake = ("--bake", asked.bake)
            spans = [_deploy(load, root, MODULES[n % len(MODULES)], n, *bake) for n in range(asked.deploys)]
            _warm(load, root)
            steady += _steady(load)
        _tell(load, steady, spans)
    if not asked.no_peers:
        for peer in PEERS[asked.runtime]:
            answers, count = peer(asked.rate, asked.deploys)
            print(f"{peer.__name__.replace('_', ' '):32} {count} deploys, {_fates(answers)}")


def _options() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--runtime", choices=("process", "compose"), default="process")
    options.add_argument("--deploys", type=int, default=12)
    options.add_argument("--rate", type=float, default=300.0)
    options.add_argument("--orders", type=float, default=20.0)
    options.add_argument("--bake", default="5s", help="how long each release is watched at the end")
    options.add_argument("--no-peers", action="store_true")
    return options


@dataclass
class Load:
    """What goes on all the while. `orders` is the report of the simulation, once it has ended."""

    stack: ThrowawayStack
    reads: OpenLoop
    began: float = field(default_factory=time.monotonic)
    orders: dict[str, Any] = field(default_factory=dict)
    over: threading.Event = field(default_factory=threading.Event)


@contextmanager
def loaded(stack: ThrowawayStack, asked: argparse.Namespace) -> Iterator[Load]:
    load = Load(stack, OpenLoop(stack.address("nginx"), PATHS, asked.rate, token(stack)))
    load.reads.start()
    workers = [threading.Thread(target=work, args=(load, asked)) for work in (_renew, _order)]
    for worker in workers:
        worker.start()
    try:
        yield load
    finally:
        load.over.set()
        load.reads.stop()
        for worker in workers:
            worker.join()


def token(stack: ThrowawayStack) -> str:
    """An access token of the administrator."""
    body = {"email": "admin@nexus.local", "password": stack.admin_password()}
    request = urllib.request.Request(
        f"{stack.address('nginx')}/api/auth/login",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return str(json.load(answer)["access_token"])


def _renew(load: Load, asked: argparse.Namespace) -> None:
    while not load.over.wait(TOKEN_LASTS):
        load.reads.token = token(load.stack)


def _order(load: Load, asked: argparse.Namespace) -> None:
    """Orders in runs of a minute until the load is over; the reports are added up."""
    total: Counter[str] = Counter()
    while not load.over.is_set():
        done = load.stack.run("simulate", "--rate", str(asked.orders), "--for", "60s", "--json", timeout=600)
        report = json.loads(done.stdout)
        total.update(report["orders"])
        total["retries"] += report["retries"]
        total["runs with clean books"] += report["invariants_ok"]
        total["runs"] += 1
    load.orders = dict(total)


@dataclass(frozen=True)
class Span:
    """One deploy: from the command to its end, in monotonic seconds."""

    module: str
    since: float
    until: float
    outcome: str


def _deploy(load: Load, root: Path, module: str, number: int, *options: str) -> Span:
    changed = root / "modules" / module / f"nexus_{module}" / "__init__.py"
    changed.write_text(f"{changed.read_text()}# release {number}\n")
    since = time.monotonic()
    done = load.stack.run("deploy", module, "--yes", "--json", *options, timeout=900)
    outcome = json.loads(done.stdout.splitlines()[-1]) if done.stdout.strip() else {}
    sentence = outcome.get("sentence") or done.stderr.strip()
    span = Span(module, since, time.monotonic(), sentence)
    failed = sum(answer.failed for answer in load.reads.between(since, span.until))
    print(f"  {module:10} {span.until - since:6.1f} s, {failed} failed: {sentence}", flush=True)
    return span


def _steady(load: Load) -> list[Answer]:
    since = time.monotonic()
    time.sleep(STEADY)
    return load.reads.between(since, time.monotonic())


def _warm(load: Load, root: Path) -> None:
    """From the command to the last request that the former release answered, and to the command's end."""
    seen: list[tuple[float, str]] = []
    over = threading.Event()
    watching = threading.Thread(target=_watch, args=(load.stack.address("users"), seen, over))
    watching.start()
    span = _deploy(load, root, "users", 1000, "--strategy", "rolling", "--bake", "0s")
    over.set()
    watching.join()
    last = max(at for at, release in seen if release == seen[0][1])
    print(
        f"a warm deploy without a bake: all requests on the new release after {last - span.since:.1f} s"
        f"   (floor: 6 s), the former gone after {span.until - span.since:.1f} s"
    )


def _watch(base: str, seen: list[tuple[float, str]], over: threading.Event) -> None:
    while not over.wait(0.05):
        with urllib.request.urlopen(f"{base}/health/live", timeout=10) as answer:
            seen.append((time.monotonic(), json.load(answer)["release"]))


def _tell(load: Load, steady: Sequence[Answer], spans: Sequence[Span]) -> None:
    during = [a for span in spans for a in load.reads.between(span.since, span.until)]
    print(f"steady:        {_fates(steady)}")
    print(f"while deploying: {_fates(during)}   (floor: 0 failed of 50,000)")
    ratio = quantile(during, 0.99) / (quantile(steady, 0.99) or 1.0)
    print(f"p99 while deploying / steady: {ratio:.2f}   (floor: 1.5)")
    print(f"all requests:  {_fates(load.reads.answers)}")
    print(f"orders:        {load.orders}   (floor: 0 failed)")


def _fates(answers: Sequence[Answer]) -> str:
    failed = Counter(answer.status for answer in answers if answer.failed)
    why = ", ".join(f"{n} x {status or 'no answer'}" for status, n in sorted(failed.items()))
    return (
        f"{len(answers)} requests, {failed.total()} failed{f' ({why})' if why else ''}, "
        f"p50 {quantile(answers, 0.5):.0f} p99 {quantile(answers, 0.99):.0f} ms"
    )


def run(*command: str, **options: Any) -> str:
    """What a command printed; its errors end the measurement."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: {done.stderr}")
    return done.stdout


if __name__ == "__main__":
    main()
