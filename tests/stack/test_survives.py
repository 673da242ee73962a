"""Whatever is killed in the middle of a day's business comes back, and no order is lost or doubled."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
import valkey

from nexus.testing import CHECKOUT, ThrowawayStack, eventually

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]

BACK_WITHIN = 60.0  # seconds: only a bound for the wait; bench/sigkill.py measures
RATE = 5  # orders a second while services die
BETWEEN = 6  # seconds from one death to the next, so that the load meets a recovered stack


@pytest.fixture(scope="module")
def stack(erp: ThrowawayStack) -> ThrowawayStack:
    """The ERP that other tests have looked at before: whatever is killed here comes back."""
    return erp


@contextmanager
def _simulation(stack: ThrowawayStack, seconds: int) -> Iterator[Callable[[], dict[str, object]]]:
    """Users at work while the block runs; gives a function that waits for their report."""
    call = [str(CHECKOUT / "nexus"), "simulate", "--rate", str(RATE), "--for", f"{seconds}s", "--json"]
    with subprocess.Popen(
        call, env=stack.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as users:

        def report() -> dict[str, object]:
            out, said = users.communicate(timeout=300)
            assert out, said
            answer: dict[str, object] = json.loads(out)
            return answer

        try:
            yield report
        finally:
            users.kill()


def _assert_nothing_lost(stack: ThrowawayStack, report: dict[str, object]) -> None:
    """The books are asked here, when nothing is dead any more: the users may have ended before that."""
    orders = report["orders"]
    assert isinstance(orders, dict)
    assert orders["failed"] == 0, report
    assert orders["completed"] + orders["cancelled"] == orders["placed"], report
    check = stack.run("check", "--json")
    assert json.loads(check.stdout)["ok"], check.stdout


def _doomed(stack: ThrowawayStack, name: str) -> set[int]:
    """The processes of a service; of the control loop the loop itself, not its guard and its companions."""
    instances = stack.service(name)["instances"]
    return {i["pid"] for i in instances if name != "control" or i["id"] == "control-loop"}


def _ready_again(stack: ThrowawayStack, name: str, dead: set[int]) -> bool:
    service = stack.service(name)
    alive = {instance["pid"] for instance in service["instances"]}
    return service["state"] == "ready" and bool(alive) and not alive & dead


def test_a_kill_of_each_service_and_of_the_control_loop_loses_no_order(stack: ThrowawayStack) -> None:
    stack.nexus("simulate", "--orders", "20")  # customers, products and stock exist
    victims = [name for name, pids in stack.pids().items() if pids]
    assert len(victims) == 12, "eleven services and the control loop"
    with _simulation(stack, (len(victims) + 1) * BETWEEN) as report:
        for name in victims:
            time.sleep(BETWEEN / 2)
            doomed = _doomed(stack, name)
            for pid in doomed:
                os.kill(pid, signal.SIGKILL)
            eventually(lambda name=name, doomed=doomed: _ready_again(stack, name, doomed), BACK_WITHIN)
        _assert_nothing_lost(stack, report())


def test_a_killed_control_loop_disturbs_no_service(stack: ThrowawayStack) -> None:
    before = stack.pids()
    (loop,) = _doomed(stack, "control")
    os.kill(loop, signal.SIGKILL)
    eventually(lambda: _ready_again(stack, "control", {loop}), BACK_WITHIN)
    after = stack.pids()
    assert {n: p for n, p in after.items() if n != "control"} == {
        n: p for n, p in before.items() if n != "control"
    }


def test_an_emptied_redis_loses_no_order(stack: ThrowawayStack) -> None:
    url = next((stack.home / "secrets").glob("sales/redis_url")).read_text().strip()
    with _simulation(stack, 18) as report, valkey.Valkey.from_url(url) as client:
        for _ in range(3):
            time.sleep(4)
            client.flushall()
        _assert_nothing_lost(stack, report())


def test_a_hanging_module_is_restarted(stack: ThrowawayStack) -> None:
    (pid,) = stack.pids()["crm"]
    os.kill(pid, signal.SIGSTOP)
    eventually(lambda: _ready_again(stack, "crm", {pid}), BACK_WITHIN)
    assert not psutil.pid_exists(pid)


def test_down_leaves_no_process_and_keeps_the_data(stack: ThrowawayStack) -> None:
    processes = [psutil.Process(pid) for pids in stack.pids().values() for pid in pids]
    processes += [child for process in processes for child in process.children(recursive=True)]
    stack.nexus("down")
    assert not [p for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]
    assert _mentions(stack.home) == []
    stack.up()
    assert json.loads(stack.nexus("check", "--json"))["ok"]


def _mentions(home: Path) -> list[str]:
    """Command lines of processes that still work under this home."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        line = " ".join(process.info["cmdline"] or [])
        if str(home) in line and process.pid != os.getpid():
            found.append(line)
    return found
