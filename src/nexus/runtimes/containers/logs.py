"""What containers wrote, as the engine keeps it."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence

from nexus.runtimes.containers.engine import EngineError, explain

Show = Callable[[str, str], None]


def log_command(runtime: str, project: str, service: str, lines: int, follow: bool) -> tuple[str, ...]:
    """The command that prints a service's log: its last `lines`, then what comes with `follow`. Pure."""
    options = ("--tail", str(lines), *(("--follow",) if follow else ()))
    if runtime == "swarm":
        return ("docker", "service", "logs", "--raw", *options, f"{project}_{service}")
    return ("docker", "compose", "-p", project, "logs", "--no-log-prefix", "--no-color", *options, service)


def show_logs(commands: Mapping[str, Sequence[str]], show: Show) -> None:
    """Runs each service's command to its end, all at once; `show` gets service and line.

    Raises:
        EngineError: a command failed.
    """
    running = {name: _start(command) for name, command in commands.items()}
    failed: list[str] = []

    def read(name: str, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        lines: list[str] = []
        for line in process.stdout:
            lines = [*lines[-3:], line]
            show(name, line.rstrip("\n"))
        if process.wait() != 0:
            failed.append(explain("".join(lines), tuple(commands[name][1:3])))

    threads = [threading.Thread(target=read, args=each, daemon=True) for each in running.items()]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            thread.join()
    finally:
        for process in running.values():
            if process.poll() is None:
                process.terminate()
    if failed:
        raise EngineError(failed[0])


def _start(command: Sequence[str]) -> subprocess.Popen[str]:
    try:
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    except OSError as error:
        raise EngineError(f"the `docker` command cannot be run: {error.strerror}") from error
