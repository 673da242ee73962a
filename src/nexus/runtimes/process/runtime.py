"""The process runtime: starts, stops, re-adopts and watches plain processes."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import signal
import sqlite3
import subprocess
import time
import zlib
from collections.abc import Iterable
from pathlib import Path

from nexus.runtimes.home import Home
from nexus.runtimes.process import accounts
from nexus.runtimes.process.identity import alive, birth, find_marked
from nexus.runtimes.process.register import Register
from nexus.runtimes.process.rotate import prune, rotate
from nexus.runtimes.process.spawn import spawn
from nexus.runtimes.process.watch import ended, kill_group, send
from nexus.runtimes.protocol import Account, Launch, Running, StartError

log = logging.getLogger("nexus.runtimes")

LOG_LIMIT = 64 << 20
LOG_FILES = 24  # of a service that rotates its log itself


class ProcessRuntime:
    """Runs each instance as a process group of its own that outlives the control loop."""

    def __init__(self, home: Home, register: Register) -> None:
        self.home = home
        self.register = register
        self.mark = f"{zlib.crc32(str(home.root).encode()):08x}"
        self._children: dict[int, subprocess.Popen[bytes]] = {}

    def account(self, service: str, *names: str) -> Account | None:
        """The user a service runs as; None when we are not root and everything runs as us.

        `names` are system users preferred to a bare number (for programs that insist on a named one).
        """
        if not accounts.can_drop():
            return None
        if names:
            with contextlib.suppress(LookupError):
                return accounts.named(*names)
        return accounts.numbered(
            self.register.first_uid(accounts.first_uid(self.home.root)), self.register.account_number(service)
        )

    async def observe(self) -> tuple[Running, ...]:
        found: list[Running] = []
        noted = self.register.known()
        predecessors = self.predecessors()
        former = {each.instance: each for each in predecessors}
        taken = {each.pid for each in predecessors}
        marked = find_marked(self.mark, taken) if any(running.pid == 0 for running in noted) else {}
        for running in noted:
            if running.pid == 0 and running.instance in marked:
                pid = marked[running.instance]
                born = birth(pid)
                if born is not None:
                    self.register.started(running.instance, pid, born)
                    running = dataclasses.replace(running, pid=pid, birth=born)
            if running.pid and alive(running.pid, running.birth):
                found.append(running)
            elif running.instance in former:  # what was to take over never came
                self.reinstate(former[running.instance])
                found.append(former[running.instance])
            else:
                self._forget(running.instance)
        return tuple(found)

    def predecessors(self) -> tuple[Running, ...]:
        """What instances took over from and still runs."""
        found = []
        for each in self.register.predecessors():
            if alive(each.pid, each.birth):
                found.append(each)
            else:
                self._forget(each.instance, each.pid)
        return tuple(found)

    def reinstate(self, former: Running) -> None:
        """What was to take over from `former` did not: that is the instance again."""
        self.register.reinstate(former.instance, former.pid)

    async def start(self, launch: Launch) -> Running:
        marked = {**launch.env, "NEXUS_MARK": self.mark, "NEXUS_INSTANCE": launch.instance}
        launch = dataclasses.replace(launch, env=marked)
        try:
            self.register.intend(launch)
            process = spawn(launch)
        except sqlite3.Error as error:
            raise StartError(f"{launch.instance} cannot be noted in {self.home.database}: {error}") from error
        except StartError:
            self._forget(launch.instance)
            raise
        self._children[process.pid] = process
        born = birth(process.pid) or "ended"
        try:
            self.register.started(launch.instance, process.pid, born)
        except sqlite3.Error as error:
            log.warning("%s is found by its mark only: %s", launch.instance, error)
        return Running(
            launch.service,
            launch.instance,
            launch.release,
            launch.port,
            process.pid,
            born,
            time.time(),
            launch.stop_signal,
            launch.knows,
        )

    async def wait(self, running: Running) -> int | None:
        await ended(running.pid, running.birth)
        kill_group(running.pid)
        process = self._children.pop(running.pid, None)
        self._forget(running.instance, running.pid)
        return process.wait() if process else None

    def _forget(self, instance: str, pid: int | None = None) -> None:
        try:
            self.register.forget(instance, pid)
        except sqlite3.Error as error:  # the next look at what runs forgets it
            log.warning("%s stays noted: %s", instance, error)

    async def stop(self, running: Running, grace: float) -> None:
        waiting = asyncio.ensure_future(self.wait(running))
        send(running.pid, running.birth, running.stop_signal)
        done, _ = await asyncio.wait({waiting}, timeout=grace)
        if not done:
            self.kill(running)
        await waiting

    def signal(self, running: Running, number: int) -> None:
        """Sends a signal to an instance, if it still runs."""
        send(running.pid, running.birth, number)

    def kill(self, running: Running) -> None:
        """Ends an instance at once, with everything in its process group."""
        if send(running.pid, running.birth, signal.SIGKILL):
            kill_group(running.pid)

    def close(self) -> None:
        """Lets go of what was started: it outlives us, and is nobody's to wait for any more."""
        for process in self._children.values():
            process.returncode = 0
        self._children.clear()

    def logs(self, service: str) -> tuple[Path, ...]:
        return self.home.log_files(service)

    def rotate_logs(self, services: Iterable[str]) -> None:
        """Keeps each service's log below some size; one that cannot be rotated is told, and tried again."""
        for service in services:
            try:
                rotate(self.home.log(service), LOG_LIMIT)
                prune(self.home.log_folder(service), LOG_FILES, LOG_LIMIT)
            except OSError as error:
                log.warning("the log of %s cannot be rotated: %s", service, error)
