"""Templates beside the code, and what may stand in a configuration file.

RenderError            a fact that no configuration file can hold
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment

_PLAIN = re.compile(r"[A-Za-z0-9_./:@*\[\]-]+")


class RenderError(ValueError):
    """A fact that cannot be written into a configuration file."""


@cache
def templates() -> Environment:
    """Return the templates of this package; an undefined name is an error."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )


def plain(what: str, value: object, longest: int = 4000) -> str:
    """Return `value` as text that needs no quoting. Raises RenderError when it would, or is too long."""
    text = str(value)
    if not _PLAIN.fullmatch(text):
        raise RenderError(
            f"{what} {text!r} has characters a configuration file cannot hold; use letters, digits, _ . / : -"
        )
    if len(text.encode()) > longest:
        raise RenderError(f"{what} {text!r} is longer than {longest} bytes; use a shorter path")
    return text
