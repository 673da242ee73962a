"""A throwaway stack for tests and measurements: started by the `nexus` command, gone afterwards."""

from __future__ import annotations

import json
import os
import random
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from nexus.control import launch
from nexus.control.client import Client, ControlError
from nexus.control.outside import leftovers
from nexus.migrations import owner_of, provision, provision_checker
from nexus.migrations.apply import apply
from nexus.runtimes.home import Home, HomeError
from nexus.stack import load_stack
from nexus.stack.names import OTLP_PORT

if TYPE_CHECKING:
    import asyncpg

T = TypeVar("T")
CHECKOUT = Path(__file__).resolve().parents[2]
NOT_COPIED = shutil.ignore_patterns("__pycache__", "tests", "node_modules", "dist")


class StackError(AssertionError):
    """The stack did not do what was asked; the text holds what it printed."""


@dataclass(frozen=True)
class ThrowawayStack:
    """A stack that lives in `home`, described by the manifests under `root`, its ports moved by `offset`.

    `where` are the options of `up` that choose its runtime.
    """

    root: Path
    home: Path
    offset: int
    where: tuple[str, ...] = ()

    def run(self, *arguments: str, timeout: float = 300.0) -> subprocess.CompletedProcess[str]:
        """`nexus ARGUMENTS` on this stack, whatever its exit code."""
        return subprocess.run(
            [str(CHECKOUT / "nexus"), *arguments],
            env=self.environment(),
            cwd=self.root,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def environment(self) -> dict[str, str]:
        """The environment in which a command finds this stack."""
        return {**os.environ, "NEXUS_HOME": str(self.home), "NEXUS_ROOT": str(self.root), "NEXUS_LANG": "en"}

    def nexus(self, *arguments: str, timeout: float = 300.0) -> str:
        """Like `run`; returns stdout, raises `StackError` when the exit code is not 0."""
        done = self.run(*arguments, timeout=timeout)
        if done.returncode:
            said = f"{done.stdout}\n{done.stderr}"
            raise StackError(f"nexus {' '.join(arguments)} ended with {done.returncode}:\n{said}")
        return done.stdout

    def up(self, *arguments: str) -> str:
        return self.nexus("up", "--port-offset", str(self.offset), *self.where, *arguments)

    def status(self) -> dict[str, Any]:
        """What `nexus status --json` says, from the control loop itself where one answers: much cheaper."""
        answer: dict[str, Any]
        try:
            answer = Client(Home.at(self.home)).get("/v1/status", timeout=10.0)
        except (OSError, ControlError):
            answer = json.loads(self.nexus("status", "--json"))
        return answer

    def service(self, name: str) -> dict[str, Any]:
        """The status of one service."""
        return next(service for service in self.status()["services"] if service["name"] == name)

    def pids(self) -> dict[str, list[int]]:
        """Process ids of the running instances, by service."""
        return {s["name"]: [i["pid"] for i in s["instances"] if i["pid"]] for s in self.status()["services"]}

    def address(self, name: str) -> str:
        """The stable address of a service."""
        return f"http://127.0.0.1:{self.service(name)['port']}"

    def admin_password(self) -> str:
        return (self.home / "secrets" / "admin_password").read_text().strip()

    def admin_dsn(self) -> str:
        """The PostgreSQL superuser's address."""
        return (self.home / "secrets" / "postgres" / "admin_url").read_text().strip()


def free_offset(root: Path = CHECKOUT) -> int:
    """A port offset under which every port of the stack in `root` is free now."""
    ports = [OTLP_PORT, OTLP_PORT + 1, *(service.port for service in load_stack(root).services)]
    for _ in range(200):
        offset = random.randrange(10_000, 30_000, 10)
        if all(_is_free(port + offset) for port in ports):
            return offset
    raise StackError("found no offset under which all ports of the stack are free")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


@contextmanager
def throwaway_stack(
    *arguments: str,
    root: Path = CHECKOUT,
    offset: int | None = None,
    home: Path | None = None,
    start: bool = True,
    where: tuple[str, ...] = (),
) -> Iterator[ThrowawayStack]:
    """Brings a stack up (with `nexus up ARGUMENTS`) and takes it and its files away afterwards."""
    chosen = home or Path(tempfile.mkdtemp(prefix="nexus-"))
    chosen.mkdir(mode=0o755, exist_ok=True)
    chosen.chmod(0o755)
    stack = ThrowawayStack(root, chosen, free_offset(root) if offset is None else offset, where)
    try:
        if start:
            stack.up(*arguments)
        yield stack
    finally:
        gone = ("--delete-data", "--yes", load_stack(root).name) if where else ()  # volumes lie elsewhere
        if where or _runs(Home.at(chosen)):
            stack.run("down", *gone)
        shutil.rmtree(chosen, ignore_errors=True)


def _runs(home: Home) -> bool:
    """Whether anything of a stack on processes is there to be taken down, or nobody can tell."""
    try:
        return bool(launch.processes(home) or leftovers(home))
    except HomeError:
        return True


@contextmanager
def copied_root(*examples: str) -> Iterator[Path]:
    """A copy of the ERP's manifests and code, to be changed at will. `examples` become bricks of it."""
    folder = Path(tempfile.mkdtemp(prefix="nexus-root-"))
    folder.chmod(0o755)
    for name in ("modules", "kit", "company", "requirements", "invariants", "objectives"):
        shutil.copytree(CHECKOUT / name, folder / name, ignore=NOT_COPIED)
    for name in examples:
        shutil.copytree(CHECKOUT / "examples" / name, folder / "modules" / name, ignore=NOT_COPIED)
    shutil.copy(CHECKOUT / "nexus.yaml", folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


class Server(Protocol):
    """A PostgreSQL server for tests: its superuser's address and password, and anybody's address."""

    password: str

    @property
    def admin_dsn(self) -> str: ...

    def dsn(self, user: str, database: str, password: str) -> str: ...


async def database_of_all_schemas(
    server: Server, name: str, password: str, root: Path = CHECKOUT
) -> asyncpg.Connection[Any]:
    """A new database with every module's schema and roles (of one password), as a superuser's connection."""
    import asyncpg

    admin = await asyncpg.connect(server.admin_dsn)
    await admin.execute(f"CREATE DATABASE {name}")
    await admin.close()
    dsn = server.dsn("postgres", name, server.password)
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(provision_checker(password))
        for service in load_stack(root).services:
            if service.database and service.migrations:
                schema = service.database.schema_
                await connection.execute(provision(schema, schema, password))
                await apply(dsn, schema, owner_of(schema), service.migrations)
    except BaseException:
        await connection.close()
        raise
    return connection


def eventually(ask: Callable[[], T], within: float, every: float = 0.05) -> T:
    """The first true answer of `ask`; raises `StackError` with the last one after `within` seconds."""
    give_up = time.monotonic() + within
    while True:
        answer = ask()
        if answer:
            return answer
        if time.monotonic() > give_up:
            raise StackError(f"not true within {within:g} s: {answer!r}")
        time.sleep(every)
