"""Real processes: started apart, found again, watched, stopped, and never mistaken for others."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from nexus.runtimes.home import Home
from nexus.runtimes.process import ProcessRuntime
from nexus.runtimes.process.identity import alive, birth
from nexus.runtimes.process.register import Register
from nexus.runtimes.process.tasks import run_once
from nexus.runtimes.protocol import Launch, Running, StartError

FOREVER = (sys.executable, "-c", "import signal\nprint('here', flush=True)\nsignal.pause()")
STUBBORN = (
    sys.executable,
    "-c",
    "import signal\nsignal.signal(15, signal.SIG_IGN)\nprint('here', flush=True)\nwhile True: signal.pause()",
)
PARENT = (
    sys.executable,
    "-c",
    "import os, signal\nif os.fork() == 0:\n    signal.pause()\nprint('here', flush=True)\nsignal.pause()",
)


@pytest.fixture
async def runtime(tmp_path: Path) -> AsyncIterator[ProcessRuntime]:
    home = Home.at(tmp_path)
    home.logs.mkdir()
    made = ProcessRuntime(home, Register(home.database))
    yield made
    for running in await made.observe():
        await made.stop(running, 0.0)
    made.register.close()


def launch(runtime: ProcessRuntime, argv: tuple[str, ...] = FOREVER, name: str = "till-1") -> Launch:
    home = runtime.home
    service = name.partition("-")[0]
    return Launch(service, name, "r1", 9000, argv, dict(os.environ), home.root, home.log(service))


async def said(running: Running, runtime: ProcessRuntime) -> None:
    """Waits until the process has written its first line."""
    log = runtime.home.log(running.service)
    async with asyncio.timeout(10):
        while "here" not in log.read_text():
            await asyncio.sleep(0.01)


async def test_what_was_started_is_found_again_by_another_control_loop(runtime: ProcessRuntime) -> None:
    started = await runtime.start(launch(runtime))
    second = Register(runtime.home.database)
    found = await ProcessRuntime(runtime.home, second).observe()
    second.close()
    assert [(r.instance, r.pid, r.birth, r.release) for r in found] == [
        ("till-1", started.pid, started.birth, "r1")
    ]


async def test_a_start_that_was_not_noted_is_found_by_its_mark(runtime: ProcessRuntime) -> None:
    started = await runtime.start(launch(runtime))
    await said(started, runtime)
    runtime.register.intend(launch(runtime))  # as if we had died between start and note
    assert [r.pid for r in await runtime.observe()] == [started.pid]


async def test_a_reused_pid_is_not_mistaken_for_the_instance(runtime: ProcessRuntime) -> None:
    started = await runtime.start(launch(runtime))
    runtime.register.started("till-1", os.getpid(), started.birth)
    assert await runtime.observe() == ()
    runtime.kill(replace(started, pid=os.getpid()))  # must not hit us
    runtime.kill(started)
    await runtime.wait(started)


async def test_a_death_is_noticed_at_once_with_its_exit_code(runtime: ProcessRuntime) -> None:
    started = await runtime.start(launch(runtime))
    waiting = asyncio.ensure_future(runtime.wait(started))
    os.kill(started.pid, signal.SIGKILL)
    assert await asyncio.wait_for(waiting, 1.0) == -signal.SIGKILL
    assert birth(started.pid) is None
    assert await runtime.observe() == ()


async def test_a_stop_waits_for_the_grace_and_then_kills(runtime: ProcessRuntime) -> None:
    started = await runtime.start(launch(runtime, STUBBORN))
    await said(started, runtime)
    began = asyncio.get_running_loop().time()
    await runtime.stop(started, 0.3)
    assert 0.3 <= asyncio.get_running_loop().time() - began < 3
    assert not alive(started.pid, started.birth)


async def test_nothing_of_a_process_group_outlives_its_leader(runtime: ProcessRuntime) -> None:
    started = await runtime.start(launch(runtime, PARENT))
    await said(started, runtime)
    os.kill(started.pid, signal.SIGKILL)
    await runtime.wait(started)
    async with asyncio.timeout(30):
        while _group_lives(started.pid):
            await asyncio.sleep(0.01)


async def test_a_program_that_does_not_exist_is_told_by_name(runtime: ProcessRuntime) -> None:
    with pytest.raises(StartError, match="till-1 could not be started: No such file"):
        await runtime.start(launch(runtime, ("/no/such/program",)))
    assert await runtime.observe() == ()


async def test_a_one_off_task_returns_its_code_and_output(runtime: ProcessRuntime, tmp_path: Path) -> None:
    task = launch(runtime, (sys.executable, "-c", "print('done'); raise SystemExit(3)"))
    result = await run_once(runtime, task, tmp_path / "code", 20)
    assert (result.code, result.output.strip()) == (3, "done")


async def test_a_one_off_task_that_takes_too_long_is_ended(runtime: ProcessRuntime, tmp_path: Path) -> None:
    with pytest.raises(StartError, match="did not end within"):
        await run_once(runtime, launch(runtime), tmp_path / "code", 0.2)


def test_each_service_keeps_its_user_number(tmp_path: Path) -> None:
    register = Register(tmp_path / "control.db")
    numbers = {name: register.account_number(name) for name in ("crm", "sales", "crm", "auth")}
    assert numbers == {"crm": 0, "sales": 1, "auth": 2}
    register.close()


def _group_lives(leader: int) -> bool:
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_bytes().rpartition(b")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == leader and fields[0] != b"Z":
            return True
    return False


async def test_a_program_that_does_not_append_shares_its_log_with_the_one_that_takes_over(
    runtime: ProcessRuntime,
) -> None:
    """As HAProxy does: its log's descriptor loses O_APPEND."""
    unruly = (
        "import fcntl, os, signal, sys\nfcntl.fcntl(1, fcntl.F_SETFL, os.O_NONBLOCK)\n"
        "os.write(1, (sys.argv[1] * 1000 + ' here\\n').encode())\nsignal.pause()"
    )
    for name in ("one", "two"):
        argv = (sys.executable, "-c", unruly, name)
        started = await runtime.start(replace(launch(runtime, argv, f"till-{name}"), piped=True))
        log = runtime.home.log("till")
        async with asyncio.timeout(10):
            while f"{name} here" not in log.read_text():
                await asyncio.sleep(0.01)
        await runtime.stop(started, 1.0)
    assert runtime.home.log("till").read_text() == "one" * 1000 + " here\n" + "two" * 1000 + " here\n"
