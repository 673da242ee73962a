"""A container's health check -> the path it asks for."""

from __future__ import annotations

import re

from nexus.composefile import HealthCheck

_URL = re.compile(
    r"https?://(?:[^\s'\"/@]*@)?(?:\[[^\]]*\]|[^\s'\"/:?]*)(?::(?P<port>\d+))?(?P<path>/[^\s'\"|;)?#]*)?"
)
_PATH = re.compile(r"/[A-Za-z0-9._~/-]*")


def asked_path(check: HealthCheck | None) -> str | None:
    """Return the path of the URL that a check asks for, without its query; None when it asks for none."""
    if check is None or check.disabled:
        return None
    match = _URL.search(" ".join(check.test))
    if match is None:
        return None
    path = match["path"] or "/"
    return path if _PATH.fullmatch(path) else None


def asked_port(check: HealthCheck | None) -> int | None:
    """Return the port of the URL that a check asks for."""
    match = _URL.search(" ".join(check.test)) if check and not check.disabled else None
    return int(match["port"]) if match and match["port"] else None
