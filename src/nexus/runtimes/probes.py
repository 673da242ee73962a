"""Asking a service, in its own language, whether it lives and whether it is ready."""

from __future__ import annotations

import asyncio
import struct
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from nexus.runtimes.process.drivers.valkey import PASSWORD
from nexus.runtimes.site import LOOPBACK, Site
from nexus.stack import Service

TIMEOUT = 3.0
SILENCE = 0.5  # seconds: whoever stands before a container hangs up sooner where nobody listens in it
POSTGRES_PROTOCOL = 3 << 16


@dataclass(frozen=True)
class Health:
    """One answer. `why` says what is missing when the service is not ready."""

    live: bool
    ready: bool
    why: str = ""


class Prober:
    """Probes any service of a stack; one HTTP session with kept connections serves all."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self._session: aiohttp.ClientSession | None = None
        self._passwords: dict[str, str] = {}

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def health(self, service: Service, port: int) -> Health:
        """Whether the instance on `port` lives and is ready; never raises."""
        try:
            async with asyncio.timeout(TIMEOUT):
                if service.runtime == "postgres":
                    return await _postgres(port)
                if service.runtime == "valkey":
                    return await _valkey(port, self._password(service))
                if service.health.ready:
                    return await self._http(service, port)
                return await _open(port, kept=self.site.contained)
        except TimeoutError:
            return Health(False, False, f"no answer within {TIMEOUT:.0f} s")
        except (OSError, EOFError, ValueError, aiohttp.ClientError) as error:
            return Health(False, False, str(error) or type(error).__name__)

    async def _http(self, service: Service, port: int) -> Health:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=4.0),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
            )
        base = f"http://{LOOPBACK}:{port}"
        async with self._session.get(base + service.health.ready, allow_redirects=False) as answer:
            body = await answer.text()
            if answer.status < 400:
                return Health(True, True)
            why = f"{service.health.ready} answers {answer.status}: {body[:300]}"
        if not service.health.live or service.health.live == service.health.ready:
            return Health(True, False, why)
        async with self._session.get(base + service.health.live, allow_redirects=False) as answer:
            return Health(answer.status < 500, False, why)

    def _password(self, service: Service) -> str:
        if service.name not in self._passwords:
            path: Path = self.site.home.secret(service.name, PASSWORD)
            self._passwords[service.name] = path.read_text().strip()
        return self._passwords[service.name]


async def _open(port: int, kept: bool) -> Health:
    """Whether somebody takes connections, and keeps them where `kept`: an engine that holds the port of a
    container takes them too, and hangs up while its program does not listen.
    """
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    if not kept:
        writer.close()
        return Health(True, True)
    try:
        async with asyncio.timeout(SILENCE):
            greeted = bool(await reader.read(1))
    except TimeoutError:  # it waits for us to speak
        return Health(True, True)
    finally:
        writer.close()
    return Health(True, True) if greeted else Health(False, False, "the connection is closed at once")


async def _postgres(port: int) -> Health:
    """As pg_isready does: a server that asks for the password is ready; nothing is logged."""
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    try:
        body = struct.pack("!i", POSTGRES_PROTOCOL) + b"user\0postgres\0database\0postgres\0\0"
        writer.write(struct.pack("!i", len(body) + 4) + body)
        kind = await reader.readexactly(1)
        if kind == b"R":
            return Health(True, True)
        size = struct.unpack("!i", await reader.readexactly(4))[0]
        fields = (await reader.readexactly(size - 4)).split(b"\0")
        said = next((field[1:] for field in fields if field[:1] == b"M"), b"refused")
        return Health(True, False, said.decode("utf-8", "replace"))
    except asyncio.IncompleteReadError:
        return Health(False, False, "the server closed the connection")
    finally:
        writer.close()


async def _valkey(port: int, password: str) -> Health:
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    try:
        writer.write(f"AUTH {password}\r\nPING\r\n".encode())
        await reader.readline()
        answer = (await reader.readline()).decode("utf-8", "replace").strip()
        return Health(bool(answer), answer == "+PONG", answer)
    finally:
        writer.close()
