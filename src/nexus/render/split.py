"""The script by which a gateway in a container learns how requests are shared between two releases."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from nexus.render.haproxy import CANDIDATE_SUFFIX
from nexus.render.templating import plain, templates

EVERY_MS = 500


def split_script(url: str, file: Path, services: Iterable[str]) -> str:
    """Return split.lua: asks the agent at `url` twice a second and keeps the map `file`, from a service to
    its candidate's percentage of requests, for these services. Pure.
    """
    return (
        templates()
        .get_template("split.lua.j2")
        .render(
            url=plain("agent's url", url),
            file=plain("split", file),
            services=[plain("service", name) for name in services],
            suffix=CANDIDATE_SUFFIX,
            every=EVERY_MS,
        )
    )
