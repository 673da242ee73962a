"""The script by which a gateway lets an instance serve that it has found by name: when a check has passed."""

from __future__ import annotations

from collections.abc import Iterable

from nexus.render.servers import WEIGHT
from nexus.render.templating import plain, templates

EVERY_MS = 250


def checked_script(backends: Iterable[str]) -> str:
    """Return checked.lua: servers of these backends, whose weight is 0 at first, have their full weight while
    they are up and a health check has passed since they came. Pure.
    """
    return (
        templates()
        .get_template("checked.lua.j2")
        .render(backends=[plain("backend", name) for name in backends], weight=WEIGHT, every=EVERY_MS)
    )
