"""A stack on a copy of another's data, such as a rehearsal's, is set apart: nothing of it is streamed away or
backed up. Its cluster has the living one's identifier, and its WAL would be taken for the living one's.
"""

from __future__ import annotations

from pathlib import Path

from nexus.runtimes.home import Home

MARK = "apart"


def set_apart(home: Home, why: str) -> None:
    """From now on, the stack of this home takes no backups. `why`: what it is, for whoever finds the mark."""
    _mark(home).write_text(f"{why}\n", encoding="utf-8")


def take_over(home: Home) -> bool:
    """From now on, the stack of this home goes on with the backups of the one that it was made from; whether
    it was set apart before.
    """
    there = is_apart(home)
    _mark(home).unlink(missing_ok=True)
    return there


def is_apart(home: Home) -> bool:
    """Whether the stack of this home takes no backups."""
    return _mark(home).exists()


def _mark(home: Home) -> Path:
    return home.root / MARK
