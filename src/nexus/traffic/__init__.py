"""Who gets requests: instances, weights and drains in a running HAProxy."""

from nexus.traffic.errors import Refused, ServerBusy, TrafficError, UnknownServer, Unreachable
from nexus.traffic.haproxy import HaproxyRuntime, ServerState

__all__ = [
    "HaproxyRuntime",
    "Refused",
    "ServerBusy",
    "ServerState",
    "TrafficError",
    "UnknownServer",
    "Unreachable",
]
