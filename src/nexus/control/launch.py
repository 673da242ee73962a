"""Making sure that a control loop runs: the one thing a command starts by itself."""

from __future__ import annotations

import contextlib
import http.client
import os
import subprocess
import sys
import time
from pathlib import Path

import nexus
from nexus.control import locks
from nexus.control.client import Client, ControlError
from nexus.runtimes.home import Home, HomeError
from nexus.runtimes.process.identity import alive, birth
from nexus.runtimes.process.register import Register
from nexus.stack.digest import content_digest

PATIENCE = 30.0
GUARD = Path(__file__).with_name("guard.py")


def guard_command(home: Home) -> list[str]:
    """How the guard is started; it then starts the control loop."""
    loop = [sys.executable, "-m", "nexus.control", str(home.root)]
    locked = [str(home.guard_lock), str(home.control_lock), str(home.keep)]
    return [sys.executable, "-I", "-S", str(GUARD), *locked, *loop]


def start_guard(home: Home) -> None:
    """Starts a guard in a session of its own; one that is not needed ends at once."""
    descriptor = os.open(home.log("control"), os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        guard = subprocess.Popen(
            guard_command(home),
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            cwd="/",
            start_new_session=True,
        )
        guard.returncode = 0  # not ours to wait for: it outlives us
    finally:
        os.close(descriptor)


def ensure(home: Home) -> Client:
    """A client of the running control loop, which is started when it does not run.

    Raises:
        HomeError: the state folder cannot be used, or the loop did not come up.
    """
    client = Client(home)
    if client.alive():
        _renew_if_outdated(client)
        return client
    home.prepare()
    if home.database.exists():
        Register(home.database).close()  # refuses a file that no control loop could read
    started = 0.0
    give_up = time.monotonic() + PATIENCE
    while not client.alive():
        home.keep.touch(mode=0o600)  # again and again: a loop that is just ending removes it
        now = time.monotonic()
        if now > give_up:
            raise HomeError(f"the control loop does not answer; see {home.log('control')}")
        if now - started > 1.0 and not locks.held(home.guard_lock):
            start_guard(home)
            started = now
        time.sleep(0.02)
    return client


def platform_release() -> str:
    """The content of the platform's own code, as 12 hexadecimal digits."""
    return content_digest([Path(nexus.__file__).parent])


def _renew_if_outdated(client: Client) -> None:
    """A control loop that runs older code than ours hands over to a new one; services go on undisturbed."""
    before = client.get("/v1/ping", timeout=5.0)
    if before["release"] == platform_release():
        return
    client.post("/v1/renew")
    give_up = time.monotonic() + PATIENCE
    while time.monotonic() < give_up:
        with contextlib.suppress(OSError, ControlError, http.client.HTTPException):
            if client.get("/v1/ping", timeout=5.0)["pid"] != before["pid"]:
                return
        time.sleep(0.02)
    raise HomeError(f"the control loop did not come back; see {client.home.log('control')}")


def processes(home: Home) -> list[tuple[int, str]]:
    """Control loop and guard, as far as they run: pid and birth."""
    pids = (locks.owner(home.control_lock), locks.owner(home.guard_lock))
    return [(pid, born) for pid in pids if pid is not None and (born := birth(pid)) is not None]


def await_end(home: Home, known: list[tuple[int, str]], seconds: float = 15.0) -> bool:
    """Whether control loop and guard (those `known` before) have ended, after at most `seconds`; False
    once the loop answers: it was given other work meanwhile.
    """
    client, began = Client(home), time.monotonic()
    asked = began
    while processes(home) or any(alive(pid, born) for pid, born in known):
        now = time.monotonic()
        if now > began + seconds:
            return False
        if now > asked + 1.0:
            asked = now
            if client.alive():
                return False
        time.sleep(0.01)
    return True
