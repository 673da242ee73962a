"""One-off tasks that outlive us: one that was begun already is waited for, and not begun again."""

from __future__ import annotations

import asyncio
import dataclasses
import subprocess
from pathlib import Path

from nexus.runtimes.process import accounts
from nexus.runtimes.process.identity import alive, birth, find_marked
from nexus.runtimes.process.runtime import ProcessRuntime
from nexus.runtimes.process.spawn import spawn
from nexus.runtimes.process.watch import ended, kill_group
from nexus.runtimes.protocol import Launch, StartError, TaskResult

TELL_CODE = '"$@"; code=$?; echo $code > "$0"; exit $code'  # whoever waits need not be its parent


async def run_once(runtime: ProcessRuntime, launch: Launch, told: Path, timeout: float) -> TaskResult:
    """Runs a task to its end, at most `timeout` seconds; `launch.instance` names it.

    A task of this name that an earlier control loop began, and whose end nobody took note of, is this one:
    it writes its exit code into the file `told`. One that was killed before it could is begun again. When
    whoever waits is cancelled, the task goes on.

    Raises:
        StartError: it could not be started, or did not end.
    """
    begun = _begun(runtime, launch.instance, told)
    child: subprocess.Popen[bytes] | None = None
    if begun is None:
        child = _begin(runtime, launch, told)
        begun = child.pid, birth(child.pid) or "ended"
        runtime.register.note_task(launch.instance, *begun)
    pid, born = begun
    try:
        await asyncio.wait_for(ended(pid, born), timeout)
    except TimeoutError as error:
        _over(runtime, launch.instance, pid, born, child)
        raise StartError(f"{launch.instance} did not end within {timeout:.0f} s; see {launch.log}") from error
    except asyncio.CancelledError:
        if child is not None:
            child.returncode = 0  # it outlives us, and is nobody's to wait for any more
        raise
    _over(runtime, launch.instance, pid, born, child)
    code = child.returncode if child else _code(told)
    output = launch.log.read_bytes().decode("utf-8", "replace") if launch.log.exists() else ""
    return TaskResult(1 if code is None else code, output)


def _begun(runtime: ProcessRuntime, name: str, told: Path) -> tuple[int, str] | None:
    """The process that carries the task out, or has carried it out; None when it is to be begun."""
    noted = runtime.register.task(name)
    if noted is None:
        return None
    pid, born = noted
    if not pid:
        pid = find_marked(runtime.mark).get(name, 0)
        born = (birth(pid) if pid else None) or ""
    return (pid, born) if _code(told) is not None or (pid and alive(pid, born)) else None


def _begin(runtime: ProcessRuntime, launch: Launch, told: Path) -> subprocess.Popen[bytes]:
    accounts.private_file(told, "", launch.account)
    launch.log.unlink(missing_ok=True)
    runtime.register.note_task(launch.instance)
    env = {**launch.env, "NEXUS_MARK": runtime.mark, "NEXUS_INSTANCE": launch.instance}
    argv = ("/bin/sh", "-c", TELL_CODE, str(told), *launch.argv)
    try:
        return spawn(dataclasses.replace(launch, argv=argv, env=env))
    except StartError:
        runtime.register.forget_task(launch.instance)
        raise


def _over(
    runtime: ProcessRuntime, name: str, pid: int, born: str, child: subprocess.Popen[bytes] | None
) -> None:
    if child is not None or alive(pid, born):
        kill_group(pid)
    if child is not None:
        child.wait()
    runtime.register.forget_task(name)


def _code(told: Path) -> int | None:
    text = told.read_text().strip() if told.exists() else ""
    return int(text) if text else None
