"""Amounts in sentences, short and the same in every language: `2 s`, `4 min`, `3 h`, `2 d`; `1.4 GB`."""

from __future__ import annotations

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0


def roughly(seconds: float) -> str:
    """An amount of time as one talks of it. Pure."""
    if seconds < 1:
        return "1 s" if seconds > 0.5 else "0.5 s" if seconds > 0 else "0 s"
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * MINUTE:
        return f"{seconds / MINUTE:.0f} min"
    return f"{seconds / HOUR:.0f} h" if seconds < 48 * HOUR else f"{seconds / DAY:.0f} d"


def size(amount: float) -> str:
    """An amount of data. Pure."""
    for unit, least in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if amount >= least:
            return f"{amount / least:.3g} {unit}"
    return f"{amount:.0f} B"
