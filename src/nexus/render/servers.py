"""How HAProxy treats one instance: the same words in the rendered file and over the runtime API."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Server:
    """One instance of a service and where it listens."""

    id: str
    host: str
    port: int


WEIGHT = 100  # of a server with its full share

# A health check every 2 s, every 250 ms while it is down or in doubt. Ten answers in a row that are 5xx, or
# none at all, put the state in doubt: the circuit opens half a second later when health checks agree, never
# because of one client's poisoned requests. No slow start: it would give a new server that is the only one a
# single connection in its first second.
_CHECK = "check inter 2s fastinter 250ms downinter 250ms fall 2 rise 1"
_CIRCUIT = "observe layer7 error-limit 10 on-error fastinter"
_LIMITS = f"weight {WEIGHT} maxconn 512 pool-purge-delay 5s"

SERVER_PARAMETERS = f"{_CHECK} {_CIRCUIT} {_LIMITS}"
