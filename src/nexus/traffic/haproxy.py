"""Who gets requests: instances come, drain and go in a running HAProxy, with no reload."""

from __future__ import annotations

import asyncio
import csv
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from nexus.render import SERVER_PARAMETERS
from nexus.traffic.errors import Refused, ServerBusy, TrafficError, UnknownServer, Unreachable
from nexus.traffic.socket import RuntimeSocket

State = Literal["up", "down", "drain", "maintenance"]
_POLL = 0.05


@dataclass(frozen=True)
class ServerState:
    """What HAProxy knows of one instance.

    `sessions` are requests in flight or queued, `requests` and `errors` (5xx) count since HAProxy began.
    `since` is the age of the state in seconds, `weight` 0 to 256 (100 is a full share), `check` what the last
    health check found.
    """

    service: str
    id: str
    address: str
    state: State
    weight: int
    sessions: int
    requests: int
    errors: int
    since: int
    check: str


class HaproxyRuntime:
    """The instances behind each service, changed over HAProxy's runtime socket.

    Raises Unreachable when HAProxy does not answer, UnknownServer, ServerBusy or Refused when it says no.
    """

    def __init__(self, socket: Path, timeout: float = 5.0) -> None:
        self._socket = RuntimeSocket(socket, timeout)

    async def wait_reachable(self, timeout: float = 10.0) -> None:
        """Wait until HAProxy answers. Raises Unreachable after `timeout` seconds."""
        give_up = time.monotonic() + timeout
        while True:
            try:
                await self._socket.ask("show version")
                return
            except Unreachable:
                if time.monotonic() > give_up:
                    raise
                await asyncio.sleep(_POLL)

    async def add_server(self, service: str, id: str, host: str, port: int) -> None:
        """Let an instance serve. One that is known already gets this address and serves again."""
        target = f"{service}/{id}"
        try:
            await self._socket.change(f"add server {target} {host}:{port} {SERVER_PARAMETERS}", target)
        except Refused:
            known = next((s for s in await self.servers(service) if s.id == id), None)
            if known is None:
                raise
            if known.address != f"{host}:{port}":
                await self._socket.ask(f"set server {target} addr {host} port {port}")
        await self.ready(service, id)
        await self._socket.change(f"enable health {target}", target)

    async def ready(self, service: str, id: str) -> None:
        """Let an instance serve again after `drain`."""
        await self._set_state(service, id, "ready")

    async def drain(self, service: str, id: str) -> None:
        """Give an instance no new requests; those in flight go on."""
        await self._set_state(service, id, "drain")

    async def drained(self, service: str, id: str, timeout: float) -> None:
        """Wait until no request is in flight. Raises ServerBusy after `timeout` seconds."""

        async def idle() -> None:
            if count := await self.sessions(service, id):
                raise ServerBusy(f"{service}/{id} still serves {count} requests")

        await self._until(idle, timeout)

    async def remove_server(self, service: str, id: str, timeout: float = 5.0, force: bool = False) -> None:
        """Drain an instance and forget it.

        Requests in flight have `timeout` seconds to end; with `force` they are cut off. Raises ServerBusy
        when some are still in flight after that. An instance that is not known is gone already.
        """
        target = f"{service}/{id}"
        try:
            await self.drain(service, id)
            if force:
                await self._socket.ask(f"shutdown sessions server {target}")
            await self.drained(service, id, timeout)
            # Entering maintenance closes idle connections, so it must come after the last request.
            await self._set_state(service, id, "maint")
            await self._until(lambda: self._socket.change(f"del server {target}", target), timeout)
        except UnknownServer:
            if not await self._has_service(service):
                raise

    async def set_weight(self, service: str, id: str, weight: int) -> None:
        """Set an instance's share of new requests, 0 to 256, relative to the others' (100 when added)."""
        if not 0 <= weight <= 256:
            raise Refused(f"weight {weight} is not between 0 and 256")
        target = f"{service}/{id}"
        await self._socket.change(f"set server {target} weight {weight}", target)

    async def sessions(self, service: str, id: str) -> int:
        """Return how many requests of an instance are in flight or queued."""
        for server in await self.servers(service):
            if server.id == id:
                return server.sessions
        raise UnknownServer(f"{service}/{id}: no such server")

    async def servers(self, service: str | None = None) -> list[ServerState]:
        """Return the instances of a service, or of all."""
        said = await self._socket.ask(f"show stat {service or -1} 4 -1")
        if not said.startswith("# pxname"):
            raise UnknownServer(f"{service}: {said}")
        return [_parse(row) for row in csv.DictReader(said.removeprefix("# ").splitlines())]

    async def entries(self, map: Path) -> dict[str, str]:
        """Return what a map file of the configuration holds in the running process. Raises Refused."""
        said = await self._socket.ask(f"show map {map}")
        if "unknown map identifier" in said.lower():
            raise Refused(f"{map}: {said}")
        rows = (line.split(maxsplit=2) for line in said.splitlines() if line.startswith("0x"))
        return {row[1]: row[2] if len(row) > 2 else "" for row in rows}

    async def set_entry(self, map: Path, key: str, value: str, new: bool = False) -> None:
        """Change one entry of a map in the running process, or add it. The file is not changed."""
        await self._socket.change(f"{'add' if new else 'set'} map {map} {key} {value}", key)

    async def _has_service(self, service: str) -> bool:
        return service in (await self._socket.ask("show backend")).splitlines()

    async def _set_state(self, service: str, id: str, state: str) -> None:
        target = f"{service}/{id}"
        await self._socket.change(f"set server {target} state {state}", target)

    async def _until(self, attempt: Callable[[], Awaitable[None]], timeout: float) -> None:
        give_up = time.monotonic() + timeout
        while True:
            try:
                await attempt()
                return
            except ServerBusy:
                if time.monotonic() > give_up:
                    raise
                await asyncio.sleep(_POLL)


def _parse(row: dict[str, str]) -> ServerState:
    status = row["status"]
    if status.startswith("MAINT"):
        state: State = "maintenance"
    elif status.startswith("DRAIN"):
        state = "drain"
    elif status.startswith(("UP", "no check")):
        state = "up"
    elif status.startswith(("DOWN", "NOLB")):
        state = "down"
    else:
        raise TrafficError(f"HAProxy reports a state we do not know: {status!r}")
    return ServerState(
        service=row["pxname"],
        id=row["svname"],
        address=row["addr"],
        state=state,
        weight=_number(row["uweight"]),
        sessions=_number(row["scur"]) + _number(row["qcur"]),
        requests=_number(row["stot"]),
        errors=_number(row["hrsp_5xx"]),
        since=_number(row["lastchg"]),
        check=" ".join(filter(None, (row["check_status"].strip("* "), row["check_code"], row["last_chk"]))),
    )


def _number(text: str) -> int:
    return int(text) if text else 0
