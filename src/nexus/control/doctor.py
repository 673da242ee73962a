"""Looking at the machine: can it run the stack, and if not, what mends it."""

from __future__ import annotations

import asyncio
import locale
import os
import platform
import pwd
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from nexus.control.addresses import Refused
from nexus.control.chosen import chosen_stack
from nexus.control.keeper import RuntimeName
from nexus.control.outside import leftovers, remembered
from nexus.runtimes import ports
from nexus.runtimes.containers.engine import Engine, EngineError
from nexus.runtimes.home import Home, HomeError, closed_to_others
from nexus.runtimes.process.drivers import haproxy, nginx, postgres, valkey
from nexus.runtimes.protocol import StartError
from nexus.runtimes.site import EVERYWHERE, LOOPBACK
from nexus.stack import Stack

GIB = 1 << 30
OLDEST_YEAR = 2025


@dataclass(frozen=True)
class Finding:
    """One thing looked at: `ok`, `warn` (it works, but) or `fail` (it will not work)."""

    name: str
    state: Literal["ok", "warn", "fail"]
    found: str
    mend: str = ""


def examine(home: Home, root: Path) -> list[Finding]:
    """All findings; reads only, starts only `--version` of the programs it ships."""
    findings = [
        python(),
        system(),
        user(),
        state_folder(home),
        disk(home),
        memory(),
        cores(),
        clock(),
        language(),
    ]
    try:
        stack = chosen_stack(root, remembered(home).only)
    except Refused as error:
        return [*findings, Finding("stack", "fail", str(error), "mend the manifests")]
    findings.append(Finding("stack", "ok", f"{stack.name}: {len(stack.services)} services"))
    runtime = remembered(home).runtime
    if runtime != "process":
        return [*findings, engine(runtime)]
    return [*findings, *programs(stack), *port_findings(home, stack), log_folder(home)]


def engine(runtime: RuntimeName) -> Finding:
    """Whether the Docker engine can run the stack."""
    try:
        facts = asyncio.run(Engine().check(swarm=runtime == "swarm"))
    except EngineError as error:
        return Finding("engine", "fail", str(error), "see above")
    swarm = f", manager of a Swarm (node {facts.node})" if runtime == "swarm" else ""
    return Finding("engine", "ok", f"Docker {facts.version}, Compose {facts.compose}{swarm}")


def python() -> Finding:
    """The interpreter."""
    if os.geteuid() == 0:
        closed = closed_to_others(Path(sys.executable).resolve())
        if closed:
            mend = "remove .venv and run ./nexus with a Python of the system (NEXUS_PYTHON=/usr/bin/python3)"
            return Finding("python", "fail", f"{sys.executable}: services cannot enter {closed}", mend)
    return Finding("python", "ok", f"{platform.python_version()} ({sys.executable})")


def system() -> Finding:
    """The kernel, and whether it tells us of a process's death at once."""
    text = f"{platform.system()} {platform.release()} {platform.machine()}"
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (AttributeError, OSError):
        return Finding(
            "kernel", "warn", f"{text}, no pidfd", "deaths are noticed by polling; Linux 5.3 has pidfd"
        )
    return Finding("kernel", "ok", f"{text}, pidfd")


def user() -> Finding:
    """Who we are; as root, PostgreSQL needs a user that the system knows by name."""
    if os.geteuid() != 0:
        return Finding("user", "ok", f"uid {os.geteuid()}; services run as this user")
    for name in ("postgres", "nobody"):
        try:
            pwd.getpwnam(name)
        except KeyError:
            continue
        return Finding("user", "ok", f"root; each service drops to a user of its own, PostgreSQL to {name}")
    return Finding(
        "user", "fail", "root, and neither `postgres` nor `nobody` exists", "useradd --system postgres"
    )


def state_folder(home: Home) -> Finding:
    """Whether NEXUS_HOME can be written, and entered by the services."""
    folder = next(f for f in (home.root, *home.root.parents) if f.exists())
    if not os.access(folder, os.W_OK | os.X_OK):
        mend = "set NEXUS_HOME to a folder of yours"
        return Finding("state folder", "fail", f"{home.root}: {folder} cannot be written", mend)
    try:
        home.check_reachable()
    except HomeError as error:
        return Finding("state folder", "fail", str(error), "see above")
    return Finding("state folder", "ok", str(home.root))


def disk(home: Home) -> Finding:
    """Free space under the state folder."""
    folder = next(f for f in (home.root, *home.root.parents) if f.exists())
    free = shutil.disk_usage(folder).free / GIB
    text, mend = f"{free:.1f} GiB free in {folder}", "free some space, or set NEXUS_HOME to another disk"
    state: Literal["ok", "warn", "fail"] = "fail" if free < 0.5 else "warn" if free < 2 else "ok"
    return Finding("disk", state, text, "" if state == "ok" else mend)


def memory() -> Finding:
    """Memory that new processes may take."""
    import psutil

    free = psutil.virtual_memory().available / GIB
    text, mend = f"{free:.1f} GiB available", "stop other programs, or run fewer modules with --only"
    state: Literal["ok", "warn", "fail"] = "fail" if free < 0.5 else "warn" if free < 1.5 else "ok"
    return Finding("memory", state, text, "" if state == "ok" else mend)


def cores() -> Finding:
    """Processors."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if count < 2:
        return Finding("processors", "warn", f"{count}", "two or more make starting and peaks much faster")
    return Finding("processors", "ok", f"{count}")


def clock() -> Finding:
    """Whether the clock is plausible: tokens and certificates depend on it."""
    now = time.gmtime()
    text = time.strftime("%Y-%m-%d %H:%M:%S UTC", now)
    if now.tm_year < OLDEST_YEAR:
        return Finding("clock", "fail", text, "set the clock (timedatectl set-ntp true)")
    return Finding("clock", "ok", text)


def language() -> Finding:
    """Whether text can be shown."""
    encoding = locale.getpreferredencoding(False)
    if encoding.lower().replace("-", "") != "utf8":
        return Finding("locale", "warn", encoding, "export LANG=C.UTF-8; services get it anyway")
    return Finding("locale", "ok", encoding)


def programs(stack: Stack) -> list[Finding]:
    """Whether the programs that the stack's services need run on this machine."""
    known: dict[str, tuple[Callable[[], Path], list[str]]] = {
        "postgres": (lambda: postgres.binaries() / "postgres", ["--version"]),
        "valkey": (valkey.binary, ["--version"]),
        "haproxy": (haproxy.binary, ["-v"]),
        "nginx": (nginx.binary, ["-v"]),
    }
    used = {service.runtime for service in stack.services}
    return [_program(name, *how) for name, how in known.items() if name in used]


def _program(name: str, where: Callable[[], Path], arguments: list[str]) -> Finding:
    mend = "remove .venv and run ./nexus again; on macOS: brew install haproxy"
    try:
        result = subprocess.run([str(where()), *arguments], capture_output=True, text=True, timeout=20)
    except (StartError, ImportError, OSError, subprocess.TimeoutExpired) as error:
        return Finding(name, "fail", str(error), mend)
    said = (result.stdout + result.stderr).strip().splitlines()
    if result.returncode != 0:
        return Finding(name, "fail", said[-1] if said else f"exit code {result.returncode}", mend)
    return Finding(name, "ok", said[0])


def port_findings(home: Home, stack: Stack) -> list[Finding]:
    """Whether the stable ports are free, or ours already."""
    offset, running = (
        remembered(home).offset,
        {instance.service: instance.port for instance in leftovers(home)},
    )
    fronted = running.keys() & {gateway.name for gateway in stack.of_kind("gateway")}
    found = []
    for service in stack.services:
        port, name = service.port + offset, f"port {service.port + offset}"
        if service.name in running or (fronted and service.kind == "module"):
            fronting = fronted and service.kind == "module"
            port = port if fronting else running[service.name]
            found.append(Finding(f"port {port}", "ok", f"{service.name} runs"))
            continue
        state = ports.state(EVERYWHERE if service.kind == "edge" else LOOPBACK, port)
        if state == "taken":
            mend = "stop that process, or use `nexus up --port-offset N`"
            found.append(Finding(name, "fail", f"{service.name}: taken by {ports.holder(port)}", mend))
        elif state == "denied":
            mend = (
                f"{service.fallback_port} is used instead" if service.fallback_port else "use --port-offset N"
            )
            mend += "; or: sysctl net.ipv4.ip_unprivileged_port_start=80"
            state_ = "warn" if service.fallback_port else "fail"
            found.append(
                Finding(name, "warn" if state_ == "warn" else "fail", f"{service.name}: not permitted", mend)
            )
        else:
            found.append(Finding(name, "ok", f"free for {service.name}"))
    return found


def log_folder(home: Home) -> Finding:
    """How much the logs take."""
    size = sum(path.stat().st_blocks * 512 for path in home.logs.glob("*")) if home.logs.is_dir() else 0
    return Finding("logs", "ok", f"{size / (1 << 20):.0f} MiB in {home.logs}")
