"""A module under test: its real process, and what a test does with it."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import aiohttp
import asyncpg
import orjson

from nexus_kit.events.event import Event, stream_of
from nexus_kit.ids import new_id
from nexus_kit.redis_link import RedisDown, RedisLink
from nexus_kit.testing import told
from nexus_kit.testing.keys import COMPANY, USER, KeyServer
from nexus_kit.testing.servers import die_with_parent

READY_TIMEOUT_S = 30.0
RECORDED = "nexus_kit.contracts.recorded"
KIT = Path(__file__).resolve().parents[2]


class ModuleProcess:
    """A running instance of a module, with the database, stream and tokens that belong to it.

    ``http`` resolves paths against the module (``http.get("/api/x")``); ``admin`` is a superuser's
    connection.
    """

    company_id = COMPANY
    user_id = USER

    def __init__(
        self,
        name: str,
        folder: Path,
        port: int,
        keys: KeyServer,
        env: Mapping[str, str],
        secrets: Mapping[str, Any],
        redis_url: str,
        admin: Any,
        app_dsn: str,
        admin_dsn: str,
        command: Sequence[str] = (),
        consumes: Sequence[str] = (),
    ) -> None:
        """``command``: the program of a module in another language, run in its folder; default: Python.
        ``consumes``: the modules whose events it handles.
        """
        self.name = name
        self.consumes = frozenset(consumes)
        self._command = list(command) if command else [sys.executable, "-m", RECORDED, f"nexus_{name}"]
        self.url = f"http://127.0.0.1:{port}"
        self.http = aiohttp.ClientSession(self.url, timeout=aiohttp.ClientTimeout(30))
        self.admin = admin
        self.app_dsn = app_dsn
        self.admin_dsn = admin_dsn
        self.redis_url = redis_url
        self._keys = keys
        self.folder = folder
        self._home = Path(tempfile.mkdtemp(prefix=f"nexus-test-{name}-"))
        self._cwd = folder if command else self._home
        self._records = self._home / "records"
        self._log = self._home / "log"
        self._link = RedisLink(redis_url, "test")
        self._log_from = 0
        self._first = "-"
        self._seen: dict[str, str] = {}
        self._returned: set[UUID] = set()
        self._process: subprocess.Popen[bytes] | None = None
        self._secrets = secrets
        self._env = self._environment(port, env, secrets)

    def secret(self, name: str) -> Any:
        """What the module was given as this secret."""
        return self._secrets[name]

    def _environment(self, port: int, env: Mapping[str, str], secrets: Mapping[str, Any]) -> dict[str, str]:
        state = self._home / "state"
        state.mkdir()
        files: dict[str, str] = {}
        for name, value in secrets.items():
            path = self._home / name
            path.write_text(value if isinstance(value, str) else orjson.dumps(value, default=str).decode())
            path.chmod(0o600)
            files[f"{name.upper()}_FILE"] = str(path)
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("NEXUS_", "OTEL_"))}
        return {
            **kept,
            "HOST": "127.0.0.1",
            "PORT": str(port),
            "NEXUS_SERVICE": self.name,
            "NEXUS_INSTANCE": f"{self.name}-1",
            "NEXUS_RELEASE": "test",
            "NEXUS_MODULE_DIR": str(self.folder),
            "NEXUS_STATE_DIR": str(state),
            "PYTHONPATH": os.pathsep.join((str(self.folder), str(KIT))),
            "PYTHONDONTWRITEBYTECODE": "1",
            "RECORD_FILE": str(self._records),
            **files,
            **env,
        }

    # life

    async def start(self, wait: bool = True) -> None:
        """Start the process; with ``wait`` until it is ready."""
        with open(self._log, "ab") as output:  # noqa: ASYNC230
            self._process = subprocess.Popen(  # noqa: ASYNC220
                self._command,
                env=self._env,
                cwd=self._cwd,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=die_with_parent(signal.SIGKILL),
            )
        if wait:
            await self.ready()

    async def ready(self) -> None:
        """Wait until /health/ready says 200."""
        give_up = time.monotonic() + READY_TIMEOUT_S
        reason = "it does not answer"
        while time.monotonic() < give_up:
            if self._process is not None and self._process.poll() is not None:
                raise AssertionError(
                    f"{self.name} ended with {self._process.returncode}:\n{self.logs()[-6000:]}"
                )
            try:
                async with self.http.get("/health/ready") as answer:
                    if answer.status == 200:
                        return
                    reason = await answer.text()
            except aiohttp.ClientError as error:
                reason = str(error)
            await asyncio.sleep(0.03)
        raise AssertionError(f"{self.name} is not ready: {reason}\n{self.logs()[-6000:]}")

    async def stop(self) -> int:
        """SIGTERM; returns the exit code."""
        return await self._end(signal.SIGTERM)

    async def kill(self) -> int:
        """SIGKILL."""
        return await self._end(signal.SIGKILL)

    async def ended(self) -> int:
        """Wait until the process ends by itself; returns the exit code (negative: the signal)."""
        assert self._process is not None
        return await asyncio.to_thread(self._process.wait, 30)

    async def restart(self) -> None:
        """Start anew after ``stop`` or ``kill``, on the same port and data."""
        await self.start()

    async def _end(self, how: signal.Signals) -> int:
        if self._process is None:
            return 0
        if self._process.poll() is None:
            self._process.send_signal(how)
        return await asyncio.to_thread(self._process.wait, 30)

    async def close(self) -> None:
        """End the process and give everything back. Fails when it told or read what its contracts do not
        say.
        """
        await self.kill()
        await self.http.close()
        await self.admin.close()
        self._link.close()
        faults = told.check(self.folder, told.records_in(self._records))
        shutil.rmtree(self._home, ignore_errors=True)
        if faults:
            raise AssertionError("\n".join([f"{self.name} does not keep its contracts:", *faults]))

    @property
    def pid(self) -> int:
        """The process id."""
        assert self._process is not None
        return self._process.pid

    def logs(self) -> str:
        """The whole lines that the process has written so far, or since ``pass_over``."""
        written = self._log.read_bytes()[self._log_from :] if self._log.exists() else b""
        return written[: written.rfind(b"\n") + 1].decode(errors="replace")

    # talking to it

    def token(self, permissions: list[str] | None = None, **claims: Any) -> str:
        """Sign an access token the module accepts: ``company_id``, ``user_id``, ``session_id``, ``service``
        ...
        """
        return self._keys.token(permissions, **claims)

    def headers(self, permissions: list[str] | None = None, **claims: Any) -> dict[str, str]:
        """The Authorization header with such a token."""
        return {"Authorization": f"Bearer {self.token(permissions, **claims)}"}

    async def publish(
        self,
        module: str,
        type: str,
        entity_id: UUID | None = None,
        data: Mapping[str, Any] | None = None,
        company_id: UUID = COMPANY,
        *,
        id: UUID | None = None,
        trace: str | None = None,
    ) -> UUID:
        """Put an event on the stream of another module, as if it came from there. Returns the event's id."""
        event_id = id or new_id()
        fields = {
            "id": str(event_id),
            "type": type,
            "entity": str(entity_id or new_id()),
            "company": str(company_id),
            "at": datetime.now(UTC).isoformat(),
            "data": orjson.dumps(dict(data or {}), default=str).decode(),
        }
        if trace:
            fields["trace"] = trace
        await self.redis("XADD", stream_of(module), "*", *(part for pair in fields.items() for part in pair))
        return event_id

    async def events(self, type: str, n: int = 1, timeout: float = 60.0) -> list[Event]:
        """Wait until the module has sent ``n`` further events of ``type``; return them in order.

        Each call goes on where the last one for this type ended; an event that was sent twice counts once.
        ``timeout`` in seconds.
        """
        found: list[Event] = []
        give_up = time.monotonic() + timeout
        while len(found) < n:
            after = self._seen.get(type, self._first)
            for entry_id, fields in await self.redis("XRANGE", stream_of(self.name), after, "+"):
                event = Event.from_fields(self.name, fields)
                if event.type == type and len(found) < n:
                    self._seen[type] = f"({entry_id}"
                    if event.id not in self._returned:
                        self._returned.add(event.id)
                        found.append(event)
            if len(found) < n:
                if time.monotonic() > give_up:
                    raise AssertionError(
                        f"{len(found)} of {n} events {type} in {timeout} s\n{self.logs()[-4000:]}"
                    )
                await asyncio.sleep(0.02)
        return found

    async def pass_over(self) -> None:
        """Leave out of ``events`` and ``logs`` what there was until now."""
        self._log_from = self._log.stat().st_size
        latest = await self.redis("XREVRANGE", stream_of(self.name), "+", "-", "COUNT", 1)
        self._first = f"({latest[0][0]}" if latest else "-"
        self._seen.clear()

    async def wait(self, true: Callable[[], Awaitable[Any]], timeout: float = 60.0) -> Any:
        """Wait until ``await true()`` gives something true; return it. ``timeout`` in seconds."""
        give_up = time.monotonic() + timeout
        while not (value := await true()):
            if time.monotonic() > give_up:
                raise AssertionError(f"not true within {timeout} s: {value!r}\n{self.logs()[-4000:]}")
            await asyncio.sleep(0.02)
        return value

    async def redis(self, *command: Any) -> Any:
        """Run a Redis command in the module's database; waits for a server that is just coming back."""
        give_up = time.monotonic() + 60
        while True:
            try:
                await self._link.connect()
                return await self._link.call(*command)
            except RedisDown:
                if time.monotonic() > give_up:
                    raise
                await asyncio.sleep(0.05)

    async def reconnect(self) -> None:
        """Open the superuser's connection anew, after PostgreSQL was restarted."""
        self.admin.terminate()
        self.admin = await asyncpg.connect(self.admin_dsn)
