"""The stable ports of a stack on this machine, and who stands in their way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nexus.runtimes import ports
from nexus.runtimes.site import EVERYWHERE, LOOPBACK
from nexus.stack import Service, Stack
from nexus.stack.names import OTLP_PORT, TELEMETRY

HIGHEST = 65_535
TRIES = 100


class Refused(Exception):
    """The operator asked for something that cannot be; nothing was changed (exit code 2).

    `code`: the code that Prisma has for it, such as P3009 ("" = it has none).
    """

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Addresses:
    """Service -> port, telemetry among them, and what the operator should know of them."""

    ports: Mapping[str, int]
    notes: tuple[str, ...] = ()


def addresses(stack: Stack, offset: int, ours: Mapping[str, int], by_engine: bool = False) -> Addresses:
    """Where each service is to listen. `ours`: ports of services that already run here, which stay.
    `by_engine`: an engine opens the ports, whatever this user may do.

    Raises:
        Refused: a port is taken, not permitted or out of range; names all of them and their holders.
    """
    found: dict[str, int] = {}
    notes: list[str] = []
    problems: list[str] = []
    for service in stack.services:
        port = service.port + offset
        if not 0 < port <= HIGHEST:
            raise Refused(
                f"--port-offset {offset} moves {service.name} to port {port}; the highest is {HIGHEST}"
            )
        if service.name in ours:
            found[service.name] = ours[service.name]
            continue
        host = EVERYWHERE if service.kind == "edge" else LOOPBACK
        state = ports.state(host, port)
        if state == "denied" and by_engine:
            state = "free"
        if state == "denied" and service.fallback_port:
            notes.append(
                f"port {port} is not permitted to this user: {service.name} listens on "
                f"{service.fallback_port + offset} instead"
            )
            port = service.fallback_port + offset
            state = ports.state(host, port)
        if state == "denied":
            problems.append(f"port {port} of {service.name} is not permitted to this user; use --port-offset")
        if state == "taken":
            problems.append(f"port {port} of {service.name} is taken by {ports.holder(port)}")
        found[service.name] = port
    if problems:
        mend = "free it" if len(problems) == 1 else "free them"
        raise Refused("\n".join(problems) + f"\n{mend}, or move the stack with --port-offset N")
    if TELEMETRY in ours:
        return Addresses({**found, TELEMETRY: ours[TELEMETRY]}, tuple(notes))
    port, note = _telemetry(offset, frozenset(found.values()))
    return Addresses({**found, TELEMETRY: port}, (*notes, *note))


def _telemetry(offset: int, avoid: frozenset[int]) -> tuple[int, tuple[str, ...]]:
    """The first port from telemetry's own on that is free with the one after it, and a note when that is
    another one. The second is the collector's where the agent has the first.
    """
    first = _first(offset)

    def free(port: int) -> bool:
        return port not in avoid and ports.state(LOOPBACK, port) == "free"

    for port in range(first, min(first + TRIES, HIGHEST)):
        if free(port) and free(port + 1):
            break
    else:
        return first, (f"{TRIES} ports from {first} on are taken: no spans are taken in",)
    if port == first:
        return port, ()
    taken = first if not free(first) else first + 1
    holder = "a service of the stack" if taken in avoid else ports.holder(taken)
    return port, (f"port {taken} of telemetry is taken by {holder}: it uses {port} instead",)


def _first(offset: int) -> int:
    """Telemetry's own port, where that is one."""
    return min(max(OTLP_PORT + offset, 1024), HIGHEST - TRIES)


def planned(stack: Stack, offset: int) -> dict[str, int]:
    """The ports a stack would have, unchecked."""
    found = {service.name: service.port + offset for service in stack.services}
    return {**found, TELEMETRY: _first(offset)}


def shown(service: Service, port: int) -> str:
    """The address people use."""
    if service.runtime in ("postgres", "valkey"):
        return f"{LOOPBACK}:{port}"
    return f"http://{LOOPBACK}" + ("" if port == 80 else f":{port}")
