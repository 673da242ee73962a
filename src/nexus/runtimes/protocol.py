"""What a runtime does for the control loop, whatever it runs services on."""

from __future__ import annotations

import signal
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


class StartError(Exception):
    """A service could not be started; the message says why and how to mend it."""


@dataclass(frozen=True)
class Account:
    """The unprivileged user a service runs as."""

    uid: int
    gid: int


@dataclass(frozen=True)
class Launch:
    """How one instance is started.

    `port` is where it listens; `sockets` are handed over already listening; `replaces` names the process
    whose listeners the new one takes over (a reload), so that it is not stopped before. `piped`: it writes
    into a pipe that is appended to its log, because it would not append to a file.
    """

    service: str
    instance: str
    release: str
    port: int
    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: Path
    log: Path
    account: Account | None = None
    stop_signal: int = signal.SIGTERM
    sockets: tuple[socket.socket, ...] = ()
    knows: frozenset[str] = frozenset()
    piped: bool = False


@dataclass(frozen=True)
class Running:
    """One instance that runs, known by its pid and its birth (so that a reused pid is not mistaken).

    `knows`: the other services whose addresses it was given when it started.
    """

    service: str
    instance: str
    release: str
    port: int
    pid: int
    birth: str
    since: float = 0.0
    stop_signal: int = signal.SIGTERM
    knows: frozenset[str] = frozenset()


@dataclass(frozen=True)
class TaskResult:
    """The end of a one-off task."""

    code: int
    output: str = field(default="", repr=False)


class Runtime(Protocol):
    """Observe, start, stop, and logs."""

    async def observe(self) -> tuple[Running, ...]:
        """What really runs now, instances started by an earlier control loop included."""

    async def start(self, launch: Launch) -> Running:
        """Starts one instance; returns as soon as the process exists.

        Raises:
            StartError: it could not be started.
        """

    async def stop(self, running: Running, grace: float) -> None:
        """Asks an instance to end, waits `grace` seconds, then kills it; returns when it is gone."""

    async def wait(self, running: Running) -> int | None:
        """Returns when the instance has ended: its exit code, or None where it cannot be known."""

    def logs(self, service: str) -> tuple[Path, ...]:
        """The service's log files, oldest first."""
