"""Colour, and what a terminal must not be told."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

from nexus.cli.paint import harmless

SHOW = """
from nexus.cli.paint import Paint

paint = Paint.of_terminal()
print(paint("late", "red"), paint("plain"))
"""


def shown(terminal: bool, **environment: str) -> str:
    """What a process prints that paints, on a terminal of its own or into a pipe."""
    own = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(sys.path),
        "TERM": "xterm",
        **environment,
    }
    call = [sys.executable, "-c", SHOW]
    if not terminal:
        return subprocess.run(call, env=own, capture_output=True, text=True, check=True).stdout.strip()
    ours, its = pty.openpty()
    try:
        subprocess.run(call, env=own, stdout=its, check=True)
        return os.read(ours, 1000).decode().strip()
    finally:
        os.close(ours)
        os.close(its)


def test_colour_is_for_terminals_that_want_it() -> None:
    assert shown(True) == "\x1b[31mlate\x1b[0m plain"
    assert shown(False) == "late plain"
    assert shown(True, NO_COLOR="1") == "late plain"
    assert shown(True, TERM="dumb") == "late plain"


def test_what_steers_a_terminal_is_shown_and_not_obeyed() -> None:
    assert harmless("a\x1b]0;b\x07\u202ec\td\ne") == "a\\x1b]0;b\\x07\\x202ec\td\ne"
