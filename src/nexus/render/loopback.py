"""haproxy.cfg of the container that holds a Swarm stack's ports on a manager's loopback: it passes bytes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from nexus.render.templating import plain, templates


@dataclass(frozen=True)
class Passage:
    """From `port` on the machine to `inner` of every instance named `host`."""

    name: str
    port: int
    host: str
    inner: int


def loopback_config(stack: str, passages: Iterable[Passage]) -> str:
    """Return haproxy.cfg. Pure. Raises RenderError when a name cannot be written down."""
    rows = [(plain("name", p.name), p.port, plain("host", p.host), p.inner) for p in passages]
    return templates().get_template("loopback.cfg.j2").render(stack=stack, passages=rows)
