"""Proxies that others took over from: how long they have to finish, and what they still have."""

from __future__ import annotations

from collections.abc import Iterable

import psutil

from nexus.render.gateway import longest_request
from nexus.runtimes.protocol import Running
from nexus.stack import Stack

RESERVE = 60


def finish_limit(stack: Stack) -> int:
    """Seconds for the longest request that the stack allows."""
    return longest_request(stack) + RESERVE


def connections(proxies: Iterable[Running], port: int) -> int:
    """How many connections processes have to a port of this machine, idle ones included."""
    return sum(_connections(each.pid, port) for each in proxies)


def _connections(pid: int, port: int) -> int:
    try:
        found = psutil.Process(pid).net_connections("tcp")
    except psutil.Error:  # it has ended, or the system does not tell
        return 0
    return sum(each.status == psutil.CONN_ESTABLISHED and each.raddr[1] == port for each in found)
