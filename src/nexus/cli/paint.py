"""Colour for a terminal; none for pipes, `NO_COLOR` and terminals that have none."""

from __future__ import annotations

import os
import re
import shutil
import sys
import zlib

import typer

_PALETTE = ("cyan", "green", "yellow", "blue", "magenta", "bright_cyan", "bright_green", "bright_blue")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
LEVELS = {"trace": None, "debug": None, "info": None, "warn": "yellow", "error": "red", "fatal": "red"}


class Paint:
    """Colours texts when `on`, and else leaves them as they are."""

    def __init__(self, on: bool) -> None:
        self.on = on

    @classmethod
    def of_terminal(cls) -> Paint:
        """As standard output can show it."""
        wanted = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        return cls(wanted and sys.stdout.isatty())

    def __call__(self, text: str, colour: str | None = None, bold: bool = False, dim: bool = False) -> str:
        if not (self.on and text and (colour or bold or dim)):
            return text
        return typer.style(text, fg=colour, bold=bold or None, dim=dim or None)

    def service(self, name: str, shown: str) -> str:
        """`shown` in the colour that this service always has."""
        return self(shown, _PALETTE[zlib.crc32(name.encode()) % len(_PALETTE)])


def harmless(text: str) -> str:
    """What somebody else wrote, without the characters that steer a terminal."""
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def columns() -> int:
    """How wide the terminal is; 100 where there is none."""
    return max(40, shutil.get_terminal_size((100, 24)).columns)
