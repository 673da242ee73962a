"""The script by which a gateway that reloads goes on with the instances that it has found."""

from __future__ import annotations

from pathlib import Path

from nexus.render.templating import plain, templates


def known_script(file: Path, socket: Path) -> str:
    """Return known.lua: writes the state of the servers, as the stats `socket` tells it, into `file` once a
    second. Pure.
    """
    template = templates().get_template("known.lua.j2")
    return template.render(file=plain("known servers", file), socket=plain("stats socket", socket))
