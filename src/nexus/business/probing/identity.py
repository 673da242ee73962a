"""What tells the requests of probes from those of users, in the logs of whatever they pass through."""

from __future__ import annotations

AGENT = "nexus-probe"


def request_id(run: str, number: int) -> str:
    """The id of a run's request; short enough that every proxy keeps it."""
    return f"{AGENT}-{run}-{number}"


def is_probe(request: str | None) -> bool:
    """Whether a request of this id is a probe's."""
    return request is not None and request.startswith(f"{AGENT}-")
