"""The stack's own tools: any name under `tasks:` of nexus.yaml is a command."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from nexus.cli import place
from nexus.cli.language import t

if TYPE_CHECKING:
    from nexus.stack import Stack, Task

SEE_ALSO = "Any task that nexus.yaml names is a command too: `nexus TASK --help`."


def run(name: str, arguments: list[str], commands: list[str]) -> int:
    """Becomes the task; returns only when there is none of that name (exit code 2)."""
    found = _find(name, commands)
    if isinstance(found, int):
        return found
    stack, task = found
    command = _command(task, arguments)
    try:
        os.execvpe(command[0], command, _environment(stack, task))
    except OSError as error:
        print(t("nexus: {message}", message=f"{command[0]}: {error.strerror}"), file=sys.stderr)
        return 2


def run_in_child(name: str, arguments: list[str]) -> int:
    """Runs the task to its end; returns its exit code."""
    found = _find(name, [])
    if isinstance(found, int):
        return found
    stack, task = found
    return subprocess.run(_command(task, arguments), env=_environment(stack, task)).returncode


def _find(name: str, commands: list[str]) -> tuple[Stack, Task] | int:
    from nexus.stack import ManifestError, load_stack

    try:
        stack = load_stack(place.root())
    except ManifestError as error:
        print(t("nexus: {message}", message=error), file=sys.stderr)
        return 2
    if name in stack.tasks:
        return stack, stack.tasks[name]
    known = ", ".join([*commands, *sorted(stack.tasks)])
    message = t("unknown command {name!r}; commands: {known}", name=name, known=known)
    print(t("nexus: {message}", message=message), file=sys.stderr)
    return 2


def _command(task: Task, arguments: list[str]) -> list[str]:
    program, *rest = task.command
    return [sys.executable if program in ("python", "python3") else program, *rest, *arguments]


def _environment(stack: Stack, task: Task) -> dict[str, str]:
    """Where the stack is and how to log in: all that a tool needs to act as a user would."""
    from nexus.control.outside import ports_in_use
    from nexus.control.secrets import admin_email
    from nexus.runtimes.home import Home

    home = Home.at(place.home_path())
    ports = ports_in_use(home, stack)
    env = {
        **os.environ,
        "NEXUS_ROOT": str(stack.root),
        "NEXUS_HOME": str(home.root),
        "NEXUS_ADMIN_EMAIL": admin_email(home) or "",
        "NEXUS_ADMIN_PASSWORD_FILE": str(home.admin_password),
        "NEXUS_CONTROL_SOCKET": str(home.socket),
        "NEXUS_DATABASE_URLS_DIR": str(home.secrets),
    }
    for service in stack.of_kind("database"):
        env["NEXUS_DATABASE_ADDRESS"] = f"127.0.0.1:{ports[service.name]}"
    for variable, kind in (("NEXUS_URL", "edge"), ("NEXUS_GATEWAY_URL", "gateway")):
        for service in stack.services:
            if service.kind == kind:
                env[variable] = f"http://127.0.0.1:{ports[service.name]}"
    if task.path is not None:
        env["PYTHONPATH"] = os.pathsep.join([str(task.path), *filter(None, [os.environ.get("PYTHONPATH")])])
    return env
