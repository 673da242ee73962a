"""Ports: which are free, who holds the taken ones, and a stack's own range for instances."""

from __future__ import annotations

import errno
import socket
import zlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

LOWEST, SLICE, SLICES = 10_000, 200, 110  # 10000-31999: below the kernel's ephemeral ports


@dataclass(frozen=True)
class Holder:
    """Who listens on a port; pid 0 when the system does not tell us."""

    pid: int
    name: str

    def __str__(self) -> str:
        return f"{self.name} (pid {self.pid})" if self.pid else self.name


def listen(host: str, port: int) -> socket.socket:
    """A listening, inheritable TCP socket.

    Raises:
        OSError: EADDRINUSE when taken, EACCES when the port needs a privilege.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(511)
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise
    return listener


def state(host: str, port: int) -> str:
    """`free`, `taken` or `denied` (the port needs a privilege we lack)."""
    try:
        listen(host, port).close()
    except OSError as error:
        if error.errno == errno.EACCES:
            return "denied"
        if error.errno == errno.EADDRINUSE:
            return "taken"
        raise
    return "free"


def holder(port: int) -> Holder:
    """The process that listens on a TCP port, as far as we may see it."""
    import psutil

    try:
        connections = psutil.net_connections("tcp")
    except psutil.AccessDenied:
        return Holder(0, "another user's process")
    for connection in connections:
        if connection.status != psutil.CONN_LISTEN or not connection.laddr or connection.laddr[1] != port:
            continue
        if connection.pid is None:
            return Holder(0, "another user's process")
        try:
            return Holder(connection.pid, psutil.Process(connection.pid).name())
        except psutil.NoSuchProcess:
            break
    return Holder(0, "an unknown process")


def instance_ports(home: Path, avoid: Collection[int]) -> Iterator[int]:
    """Free loopback ports for instances: from a range that each stack's home folder picks for itself."""
    first = LOWEST + zlib.crc32(str(home).encode()) % SLICES * SLICE
    span = SLICE * SLICES
    for step in range(span):
        port = LOWEST + (first - LOWEST + step) % span
        if port not in avoid and state("127.0.0.1", port) == "free":
            yield port
