"""What tells the requests of probes from those of users, in the logs of whatever they pass through.

The edge gives each request an id of its own, but a client's trace goes on: so it is the trace that is marked.
"""

from __future__ import annotations

import secrets

MARK = b"probe".hex()  # in front; what samples by trace ids looks at the random rest


def new_trace_id() -> str:
    """The id of a run's trace: 32 hexadecimal digits, of which 22 are random."""
    return MARK + secrets.token_hex(11)
