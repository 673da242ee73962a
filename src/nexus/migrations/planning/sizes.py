"""Sizes, counts and times as people read them."""

from __future__ import annotations

_UNITS = ("bytes", "kB", "MB", "GB", "TB")


def size(count: int) -> str:
    """`1.2 GB`: decimal units."""
    value, unit = float(count), 0
    while value >= 999.5 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{value:.0f} {_UNITS[unit]}" if unit == 0 or value >= 10 else f"{value:.1f} {_UNITS[unit]}"


def rows(count: int) -> str:
    """`5,000,000 rows`."""
    if count < 0:
        return "rows not counted yet"
    return "1 row" if count == 1 else f"{count:,} rows"


def duration(seconds: float | None) -> str:
    """`~20 s`; what is not known is said to be so."""
    if seconds is None:
        return "time not known"
    if seconds < 0.05:
        return "instant"
    if seconds < 10:
        return f"~{seconds:.1f} s"
    if seconds < 120:
        return f"~{seconds:.0f} s"
    return f"~{seconds / 60:.0f} min" if seconds < 7200 else f"~{seconds / 3600:.1f} h"
