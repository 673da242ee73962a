"""How long each service is away after a SIGKILL in the middle of business, and whether an order was lost.

    .venv/bin/python bench/sigkill.py [--rate 10]

Users place orders at that rate while each of the eleven services, and the control loop, is killed in turn.
The time is from the kill to `nexus status` saying ready with a new process; it includes starting that
command. Floors: 5 s, PostgreSQL 15 s; no order failed; the invariants hold.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import time

from nexus.testing import CHECKOUT, ThrowawayStack, eventually, throwaway_stack

BETWEEN = 4.0


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--rate", type=float, default=10.0)
    rate = options.parse_args().rate
    with throwaway_stack() as stack:
        stack.nexus("simulate", "--orders", "100")
        victims = [service["name"] for service in stack.status()["services"]]
        seconds = int(len(victims) * (BETWEEN + 4))
        call = [str(CHECKOUT / "nexus"), "simulate", "--rate", str(rate), "--for", f"{seconds}s", "--json"]
        with subprocess.Popen(call, env=stack.environment(), stdout=subprocess.PIPE, text=True) as users:
            for name in victims:
                time.sleep(BETWEEN)
                print(f"{name:10} ready again after {_kill(stack, name):5.1f} s", flush=True)
            report = json.loads(users.communicate(timeout=600)[0])
        orders = report["orders"]
        books = "clean" if report["invariants_ok"] else "NOT clean"
        print(
            f"{orders['placed']} orders placed meanwhile: {orders['completed']} completed, "
            f"{orders['cancelled']} cancelled, {orders['failed']} failed; books {books}"
        )


def _kill(stack: ThrowawayStack, name: str) -> float:
    instances = stack.service(name)["instances"]
    doomed = {i["pid"] for i in instances if not i["id"].endswith("-guard")}
    began = time.monotonic()
    for pid in doomed:
        os.kill(pid, signal.SIGKILL)

    def ready() -> bool:
        done = stack.run("status", "--json")
        if not done.stdout.startswith("{"):
            return False
        service = next(s for s in json.loads(done.stdout)["services"] if s["name"] == name)
        alive = {i["pid"] for i in service["instances"]}
        return bool(alive) and service["state"] == "ready" and not alive & doomed

    eventually(ready, within=60)
    return time.monotonic() - began


if __name__ == "__main__":
    main()
