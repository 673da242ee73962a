"""A stack of which the platform knows nothing but manifests runs like any other."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from nexus.testing import ThrowawayStack, eventually, throwaway_stack

pytestmark = pytest.mark.timeout(120)

FOREIGN = Path(__file__).parent


AT_LAST = 60.0  # seconds: only a bound for a wait
PROMISED = 5.0  # for who was killed, on a machine with nothing else to do: asked with --soak


@pytest.fixture
def promised(pytestconfig: pytest.Config) -> float:
    """Within how many seconds who was killed must be back."""
    return PROMISED if pytestconfig.getoption("--soak") else AT_LAST


@pytest.fixture(scope="module")
def kept() -> Iterator[ThrowawayStack]:
    with throwaway_stack(root=FOREIGN) as running:
        yield running


@pytest.fixture
def stack(kept: ThrowawayStack) -> ThrowawayStack:
    """The one stack that most tests share: up and whole, whatever the test before has done to it."""
    if not whole(kept):
        kept.up()
        eventually(lambda: whole(kept), AT_LAST)
    return kept


@pytest.fixture
def stopped() -> Iterator[ThrowawayStack]:
    with throwaway_stack(root=FOREIGN, start=False) as stack:
        yield stack


def ask(stack: ThrowawayStack, service: str) -> dict[str, Any]:
    with urllib.request.urlopen(stack.address(service), timeout=5) as answer:
        found: dict[str, Any] = json.load(answer)
        return found


def whole(stack: ThrowawayStack) -> bool:
    """Whether all that was asked for runs, the guard too."""
    status = stack.status()
    return bool(status["ready"]) and all(each["state"] == "ready" for each in status["services"])


def replaced(stack: ThrowawayStack, name: str, before: list[int]) -> bool:
    """Whether others than those `before` serve, and the stack is whole."""
    pids = stack.pids()[name]
    return bool(pids) and not set(pids) & set(before) and whole(stack)


def processes(stack: ThrowawayStack) -> list[psutil.Process]:
    """Everything alive that belongs to the stack."""
    found = []
    for process in psutil.process_iter():
        try:
            words = " ".join(process.cmdline())
            home = process.environ().get("NEXUS_STATE_DIR", "")
            if process.status() == psutil.STATUS_ZOMBIE or process.pid == os.getpid():
                continue
        except psutil.Error:
            continue
        if str(stack.home) in words or home.startswith(str(stack.home)):
            found.append(process)
    return found


def test_it_is_up_when_up_returns_and_each_service_reaches_the_one_it_needs(stack: ThrowawayStack) -> None:
    greeting = ask(stack, "greeter")
    assert greeting["greeting"] == "hello"
    assert greeting["clock"]["time"] > 0
    assert greeting["key_length"] == 43, "a secret of 32 random bytes is given as a file"


def test_the_status_has_the_documented_shape(stack: ThrowawayStack) -> None:
    status = json.loads(stack.nexus("status", "--json"))
    assert {"stack", "runtime", "ready", "services"} <= set(status)
    assert (status["stack"], status["runtime"], status["ready"]) == ("foreign", "process", True)
    assert [(s["name"], s["kind"], s["state"]) for s in status["services"]] == [
        ("greeter", "module", "ready"),
        ("clock", "module", "ready"),
        ("control", "control", "ready"),
    ]
    for service in status["services"]:
        assert {"name", "kind", "port", "state", "release", "instances"} <= set(service)
        for instance in service["instances"]:
            assert {"id", "pid", "address", "state", "since", "restarts"} <= set(instance)


def test_a_plan_is_printed_and_nothing_is_started(stopped: ThrowawayStack) -> None:
    plan = stopped.nexus("up", "--port-offset", str(stopped.offset), "--plan")
    assert plan.splitlines()[0] == "bring foreign up: 4 steps"
    assert "start greeter: start 1 instance, ready on port" in plan
    assert "after 1, 2, 3" in plan
    assert processes(stopped) == []
    assert not (stopped.home / "data").exists()


def test_up_again_says_so_and_changes_nothing(stack: ThrowawayStack) -> None:
    before = stack.pids()
    assert "already up" in stack.up()
    assert stack.pids() == before


def test_a_part_that_is_missing_is_started_and_the_rest_left_alone(stack: ThrowawayStack) -> None:
    clock = stack.pids()["clock"]
    os.kill(stack.pids()["greeter"][0], signal.SIGSTOP)  # hangs: not killed yet, not ready
    os.kill(stack.pids()["greeter"][0], signal.SIGKILL)
    stack.up()
    assert stack.status()["ready"]
    assert stack.pids()["clock"] == clock


def test_a_killed_service_is_started_again(stack: ThrowawayStack, promised: float) -> None:
    (killed,) = stack.service("clock")["instances"]
    os.kill(killed["pid"], signal.SIGKILL)
    eventually(lambda: replaced(stack, "clock", [killed["pid"]]), promised)
    assert stack.service("clock")["instances"][0]["restarts"] == killed["restarts"] + 1


def test_a_service_that_hangs_is_replaced(stack: ThrowawayStack) -> None:
    hung = stack.pids()["clock"][0]
    os.kill(hung, signal.SIGSTOP)
    eventually(lambda: replaced(stack, "clock", [hung]), AT_LAST)
    assert not psutil.pid_exists(hung) or psutil.Process(hung).status() == psutil.STATUS_ZOMBIE


def test_a_killed_control_loop_comes_back_and_the_services_do_not_notice(stack: ThrowawayStack) -> None:
    before = stack.pids()
    os.kill(before["control"][0], signal.SIGKILL)
    eventually(lambda: keepers(stack).get("control-loop") not in (None, before["control"][0]), AT_LAST)
    eventually(lambda: whole(stack), AT_LAST)
    after = stack.pids()
    assert (after["greeter"], after["clock"]) == (before["greeter"], before["clock"])
    os.kill(after["clock"][0], signal.SIGKILL)  # adopted ones are watched as well
    eventually(lambda: replaced(stack, "clock", after["clock"]), AT_LAST)


def keepers(stack: ThrowawayStack) -> dict[str, int]:
    """The control loop, its guard and the collector, as far as they run: process ids."""
    return {each["id"]: each["pid"] for each in stack.service("control")["instances"]}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="proportional memory is Linux's")
def test_loop_and_guard_are_small(stack: ThrowawayStack) -> None:
    sizes = {name: psutil.Process(pid).memory_full_info().pss / 2**20 for name, pid in keepers(stack).items()}
    assert sizes["control-loop"] <= 120
    assert sizes["control-guard"] <= 10


def test_a_killed_guard_is_replaced(stack: ThrowawayStack, promised: float) -> None:
    before = keepers(stack)
    os.kill(before["control-guard"], signal.SIGKILL)
    eventually(lambda: keepers(stack).get("control-guard") not in (None, before["control-guard"]), promised)
    assert keepers(stack)["control-loop"] == before["control-loop"]


def test_loop_and_guard_killed_together_are_taken_up_by_the_next_command(stack: ThrowawayStack) -> None:
    before = stack.pids()
    loop, guard = before["control"][:2]
    os.kill(guard, signal.SIGSTOP)
    os.kill(loop, signal.SIGKILL)
    os.kill(guard, signal.SIGKILL)
    assert stack.service("clock")["instances"][0]["pid"] == before["clock"][0]
    stack.up()
    after = stack.pids()
    assert (after["greeter"], after["clock"]) == (before["greeter"], before["clock"])


def test_down_leaves_no_process_and_keeps_the_secrets(stack: ThrowawayStack) -> None:
    secret = stack.home / "secrets" / "greeter" / "greeting_key"
    before = secret.read_text()
    stack.nexus("down")
    assert processes(stack) == []
    stack.up()
    assert secret.read_text() == before


def test_data_is_deleted_only_for_who_knows_the_stacks_name(stack: ThrowawayStack) -> None:
    assert stack.run("down", "--delete-data", "--yes", "another").returncode == 2
    assert stack.status()["ready"]
    stack.nexus("down", "--delete-data", "--yes", "foreign")
    assert not (stack.home / "secrets").exists()


def test_a_taken_port_is_refused_with_the_port_and_its_holder(stopped: ThrowawayStack) -> None:
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", 5101 + stopped.offset))
        taken.listen()
        done = stopped.run("up", "--port-offset", str(stopped.offset))
    assert done.returncode == 2
    assert f"port {5101 + stopped.offset} of clock is taken by" in done.stderr
    assert f"(pid {os.getpid()})" in done.stderr
    eventually(lambda: processes(stopped) == [], AT_LAST)


def test_a_port_offset_cannot_change_while_it_runs(stack: ThrowawayStack) -> None:
    done = stack.run("up", "--port-offset", str(stack.offset + 1))
    assert done.returncode == 2
    assert "take it down before" in done.stderr


def test_two_ups_at_once_take_turns(stopped: ThrowawayStack) -> None:
    command = [sys.executable, "-m", "nexus", "up", "--port-offset", str(stopped.offset)]
    both = [
        subprocess.Popen(command, env=stopped.environment(), stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [process.communicate(timeout=AT_LAST)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sorted("already up" in text for text in said) == [False, True]
    assert len(stopped.pids()["clock"]) == 1


def test_an_up_that_waits_for_a_down_leaves_a_stack_that_is_kept(
    stopped: ThrowawayStack, brick: Path
) -> None:
    gate = brick / "gate"
    code = (FOREIGN / "clock" / "server.py").read_text()
    slow_end = (
        "import pathlib, signal, sys, time\n"
        "def end(*_):\n"
        "    print('ending', flush=True)\n"
        f"    while not pathlib.Path({str(gate)!r}).exists():\n"
        "        time.sleep(0.01)\n"
        "    sys.exit(0)\n"
        "signal.signal = lambda *_, own=signal.signal: own(signal.SIGTERM, end)\n"
    )
    (brick / "server.py").write_text(slow_end + code)
    stack = ThrowawayStack(brick.parent, stopped.home, stopped.offset)
    stack.up()

    def started(*arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "nexus", *arguments]
        return subprocess.Popen(command, env=stack.environment(), stdout=subprocess.PIPE, text=True)

    down = started("down")
    eventually(lambda: "ending" in (stack.home / "logs" / "lone.log").read_text(), AT_LAST)
    up = started("up")
    assert up.stdout is not None
    assert "waiting: down by" in up.stdout.readline()
    gate.touch()
    up.communicate(timeout=AT_LAST)
    down.communicate(timeout=AT_LAST)
    assert (down.returncode, up.returncode) == (0, 0)
    before = keepers(stack)
    assert {"control-loop", "control-guard"} <= set(before)
    assert stack.status()["ready"]
    os.kill(stack.pids()["lone"][0], signal.SIGKILL)
    eventually(lambda: stack.service("lone")["instances"][0]["restarts"] == 1, AT_LAST)
    after = keepers(stack)
    assert all(after[name] == before[name] for name in ("control-loop", "control-guard"))


def test_a_refused_command_leaves_no_process_of_a_stack_that_is_down(stack: ThrowawayStack) -> None:
    stack.nexus("down")
    done = stack.run("up", "--port-offset", "70000")
    assert done.returncode == 2
    assert "the highest is 65535" in done.stderr
    eventually(lambda: processes(stack) == [], AT_LAST)


def test_no_other_user_can_hold_the_stacks_locks(stack: ThrowawayStack) -> None:
    run = stack.home / "run"
    assert {(run / name).stat().st_mode & 0o777 for name in ("control.lock", "guard.lock")} == {0o600}


def test_an_unfit_command_fails_truthfully_and_names_the_log(stopped: ThrowawayStack, brick: Path) -> None:
    (brick / "server.py").write_text("raise SystemExit('no luck today')\n")
    done = ThrowawayStack(brick.parent, stopped.home, stopped.offset).run(
        "up", "--port-offset", str(stopped.offset)
    )
    assert done.returncode == 1
    assert "start lone: lone-1 keeps ending" in done.stdout + done.stderr
    assert str(stopped.home / "logs" / "lone.log") in done.stdout + done.stderr
    assert "no luck today" in (stopped.home / "logs" / "lone.log").read_text()
    ThrowawayStack(brick.parent, stopped.home, stopped.offset).nexus("down")
    assert processes(stopped) == []


def test_interrupted_up_ends_with_130_and_the_same_command_goes_on(
    stopped: ThrowawayStack, brick: Path
) -> None:
    gate = brick / "gate"
    code = (FOREIGN / "clock" / "server.py").read_text()
    (brick / "server.py").write_text(
        f"import pathlib, time\nwhile not pathlib.Path({str(gate)!r}).exists():\n    time.sleep(0.01)\n{code}"
    )
    second = brick.parent / "later"
    second.mkdir(mode=0o755)
    (second / "module.yaml").write_text(MANIFEST.format(name="later", port=5103, needs="{hard: [lone]}"))
    (second / "server.py").write_text(code)
    stack = ThrowawayStack(brick.parent, stopped.home, stopped.offset)
    command = [sys.executable, "-m", "nexus", "up", "--port-offset", str(stopped.offset)]
    process = subprocess.Popen(
        command, env=stack.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    eventually(lambda: (stack.home / "logs" / "lone.log").exists(), AT_LAST)
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    assert "stopping after the running steps" in process.stderr.readline() + process.stderr.readline()
    eventually(lambda: "stopping" not in (stack.home / "logs" / "lone.log").read_text(), within=1)
    gate.touch()
    said, error = process.communicate(timeout=AT_LAST)
    assert process.returncode == 130, said + error
    assert "interrupted at step" in error
    assert stack.service("later")["instances"] == []
    lone = stack.pids()["lone"]
    stack.up()
    assert stack.status()["ready"]
    assert stack.pids()["lone"] == lone


def test_tasks_of_the_stack_are_commands(stack: ThrowawayStack) -> None:
    done = stack.run("greet", "--loudly", "all")
    assert done.returncode == 7
    assert done.stdout.strip() == f"greetings|--loudly|all|{stack.home}"
    unknown = stack.run("dance")
    assert unknown.returncode == 2
    assert "greet" in unknown.stderr


def test_logs_show_what_services_wrote(stack: ThrowawayStack) -> None:
    said = stack.nexus("logs", "clock", "-n", "10000").splitlines()
    assert any(line.endswith("clock starts") for line in said), "told by whoever has it"
    assert "control loop" in stack.nexus("logs", "control")
    assert stack.run("logs", "nobody").returncode == 2


def test_restart_replaces_the_process(stack: ThrowawayStack) -> None:
    before = stack.pids()
    stack.nexus("restart", "clock")
    assert stack.pids()["clock"] != before["clock"]
    assert stack.pids()["greeter"] == before["greeter"]
    assert stack.status()["ready"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give each service a user of its own")
def test_as_root_each_service_runs_as_a_user_of_its_own(stack: ThrowawayStack) -> None:
    users = {name: psutil.Process(stack.pids()[name][0]).uids().real for name in ("clock", "greeter")}
    assert 0 not in users.values()
    assert users["clock"] != users["greeter"]
    secret = (stack.home / "secrets" / "greeter" / "greeting_key").stat()
    assert (secret.st_uid, secret.st_mode & 0o777) == (users["greeter"], 0o600)


MANIFEST = """\
name: {name}
runtime: command
command: [python3, server.py]
port: {port}
needs: {needs}
health: {{live: /live, ready: /ready}}
"""


@pytest.fixture
def brick(stopped: ThrowawayStack) -> Path:
    """The folder of the one brick of a stack of its own."""
    root = stopped.home / "stack"
    (root / "lone").mkdir(parents=True)
    root.chmod(0o755)
    (root / "nexus.yaml").write_text("name: lonely\nbricks: ['*']\n")
    (root / "lone" / "module.yaml").write_text(MANIFEST.format(name="lone", port=5102, needs="{}"))
    return root / "lone"
