"""Locked environments of Python bricks: one per content of the lock, shared by all stacks of a checkout.

An environment lies beside the platform's own (or in the stack's home, where that place is not ours to write)
and never changes once it is there. It holds exactly what a container's image of the brick would hold.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import logging
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import psutil

from nexus.environment import pip_pythons, uv_environment
from nexus.runtimes.home import Home
from nexus.runtimes.protocol import StartError
from nexus.stack import Service

log = logging.getLogger("nexus.runtimes")

LOCK = "modules.lock"  # what bricks depend on
PLATFORM_LOCK = "runtime.lock"  # what the platform's own environment was made from
LIMIT_S = 900.0
UNUSED_S = 30 * 86_400.0
LAST_LINES = 6
_DRAFT = ".draft-"
_building = asyncio.Lock()  # one of ours waits in a thread, the others here


def lock_of(service: Service) -> Path | None:
    """The lock that a Python brick's environment is made from; None: it runs in the platform's own."""
    return next((path for path in service.shared if path.name == LOCK), None)


def folder(home: Home, lock: Path) -> Path:
    """Where the environment made from a lock lies, for this interpreter on this machine."""
    of = f"{platform.python_implementation()} {sys.version} {sysconfig.get_platform()}"
    digest = hashlib.sha256(lock.read_bytes() + of.encode()).hexdigest()[:12]
    return _place(home) / digest


def built(home: Home, service: Service) -> bool:
    """Whether a brick's environment is there, or it needs none."""
    lock = lock_of(service)
    return lock is None or folder(home, lock).is_dir()


def interpreter(home: Home, service: Service) -> Path:
    """The interpreter that a brick runs in.

    Raises:
        StartError: its environment is not there, and the platform's own holds something else.
    """
    lock = lock_of(service)
    if lock is None:
        return Path(sys.executable)
    made = folder(home, lock)
    if made.is_dir():
        _note_use(made)
        return made / "bin" / "python"
    if _platform_fits(service):
        return Path(sys.executable)
    raise StartError(f"the environment of {service.name} is not built; run nexus up, which builds it")


async def build(home: Home, service: Service) -> None:
    """Makes a brick's environment, unless it is there: beside its place, and moved there when it is whole.

    Where it cannot be made, the platform's own serves if it was made from the same lock.

    Raises:
        StartError: it cannot be made; the message has the last lines of uv.
    """
    lock = lock_of(service)
    if lock is None:
        return
    async with _building:
        target = folder(home, lock)
        if target.is_dir():
            _note_use(target)
            return
        try:
            await asyncio.to_thread(_make, lock, target, hurry=_platform_fits(service))
        except StartError as error:
            if not _platform_fits(service):
                raise
            log.warning("%s runs in the platform's own environment: %s", service.name, error)


def _note_use(environment: Path) -> None:
    """What is used stays; where the place is another user's, that one's own use counts."""
    if os.access(environment, os.W_OK):
        os.utime(environment)


def _place(home: Home) -> Path:
    beside = Path(sys.prefix).parent / ".nexus"
    return (beside if os.access(beside, os.W_OK) else home.root) / "environments"


def _platform_fits(service: Service) -> bool:
    """Whether the platform's own environment was made from the lock that the release has of it."""
    ours = Path(sys.prefix) / f"nexus.{PLATFORM_LOCK}"
    theirs = next((path for path in service.shared if path.name == PLATFORM_LOCK), None)
    return theirs is not None and ours.exists() and ours.read_bytes() == theirs.read_bytes()


def _uv() -> str:
    """uv, where the wrapper looks for it."""
    return shutil.which("uv") or str(Path(sys.prefix).parent / ".nexus" / "uv" / "bin" / "uv")


@lru_cache
def _settings() -> Mapping[str, str]:
    """uv's variables, as the wrapper takes them from pip's settings."""
    return uv_environment(next(pip_pythons(), None))


def _make(lock: Path, target: Path, hurry: bool) -> None:
    uv = _uv()
    with _only_one(target.parent):
        if target.is_dir():  # another control loop was first
            return
        _remove_unused(target.parent)
        draft = Path(tempfile.mkdtemp(prefix=_DRAFT, dir=target.parent))
        try:
            python = str(draft / "bin" / "python")
            env = dict(_settings())
            if hurry:  # there is another way
                env |= {"UV_HTTP_RETRIES": "0", "UV_HTTP_TIMEOUT": "5"}
            _run(
                (
                    uv,
                    "venv",
                    "--clear",
                    "--relocatable",
                    "--no-project",
                    "--python",
                    sys.executable,
                    str(draft),
                ),
                env,
            )
            install = (
                uv,
                "pip",
                "install",
                "--python",
                python,
                "--no-deps",
                "--require-hashes",
                "--compile-bytecode",
            )
            try:
                _run((*install, "--offline", "-r", str(lock)), env)
            except StartError:  # not all is in uv's cache
                _run((*install, "-r", str(lock)), env)
            draft.chmod(0o755)
            os.sync()  # thousands of files, shared with uv's cache: a power cut must not leave them empty
            draft.rename(target)
        finally:
            shutil.rmtree(draft, ignore_errors=True)


def _run(command: Sequence[str], env: dict[str, str]) -> None:
    try:
        done = subprocess.run(
            command,
            env={**env, "UV_LINK_MODE": env.get("UV_LINK_MODE", "hardlink"), "NO_COLOR": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LIMIT_S,
            umask=0o022,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StartError(
            f"uv cannot be run ({error}); put it on PATH, or run ./nexus, which brings it"
        ) from error
    if done.returncode:
        said = " / ".join(line.strip() for line in done.stdout.strip().splitlines()[-LAST_LINES:])
        raise StartError(f"the environment cannot be made: {said}; check the network and run the same again")


@contextmanager
def _only_one(environments: Path) -> Iterator[None]:
    environments.mkdir(parents=True, exist_ok=True)
    environments.chmod(0o755)
    with open(environments / ".lock", "w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _remove_unused(environments: Path) -> None:
    """Drafts that were killed go, and what nobody has asked for in a month and no process runs in."""
    for draft in environments.glob(f"{_DRAFT}*"):
        shutil.rmtree(draft, ignore_errors=True)
    old = time.time() - UNUSED_S
    unused = [each for each in environments.iterdir() if each.is_dir() and each.stat().st_mtime < old]
    if not unused:
        return
    lines = [process.info["cmdline"] or [""] for process in psutil.process_iter(["cmdline"])]
    for each in unused:
        if any(line[0].startswith(f"{each}/") for line in lines):
            _note_use(each)  # so that it is there when what runs in it is started again
        else:
            shutil.rmtree(each, ignore_errors=True)
