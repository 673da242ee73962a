"""Short port syntax -> long: `8080:80`, `127.0.0.1:5000-5002:6000-6002/udp`, `[::1]:81:81`."""

from __future__ import annotations

import re
from dataclasses import dataclass

_PORT = re.compile(
    r"(?:(?P<ip>\[[0-9a-fA-F:.]+\]|[0-9.]*):(?=[^:]*:))?(?:(?P<published>\d*(?:-\d+)?):)?"
    r"(?P<target>\d+(?:-\d+)?)(?:/(?P<protocol>tcp|udp|sctp))?",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class ShortPort:
    """One port written short. `published` is a port, a range to choose from, or empty."""

    host_ip: str
    published: str
    target: int
    protocol: str


def parse_port(text: str) -> tuple[ShortPort, ...]:
    """Return the ports of a short form; a range is several. Raises ValueError."""
    match = _PORT.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a port; write it like 8080:80 or 127.0.0.1:8080:80/tcp")
    targets = _range(match["target"])
    published = _range(match["published"]) if match["published"] else []
    ip = (match["ip"] or "").strip("[]")
    protocol = (match["protocol"] or "tcp").lower()
    if published and len(published) != len(targets):
        if len(targets) > 1:
            raise ValueError(f"{text!r}: its two ranges have different lengths; make them equal")
        return (ShortPort(ip, match["published"], targets[0], protocol),)
    shown = [str(port) for port in published] or [""] * len(targets)
    return tuple(ShortPort(ip, port, target, protocol) for port, target in zip(shown, targets, strict=True))


def _range(text: str) -> list[int]:
    first, _, last = text.partition("-")
    ports = range(int(first), int(last or first) + 1)
    if not ports or ports[-1] > 65535:
        raise ValueError(f"{text!r} is not a port or a range of ports; use 1 to 65535, the lower one first")
    return list(ports)
