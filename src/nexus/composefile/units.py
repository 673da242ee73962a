"""Sizes and durations as Compose writes them: `512m`, `1.5gb`, `1m30s`, `500ms`."""

from __future__ import annotations

import re

_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgtp]?)(?:i?b)?", re.IGNORECASE)
_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)")


def size(text: str) -> int:
    """Return bytes (powers of 1024). Raises ValueError."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a size; write it like 512m or 1g")
    return int(float(match[1]) * 1024 ** _POWERS[match[2].lower()])


def seconds(text: str) -> float:
    """Return seconds. Raises ValueError."""
    parts = _PART.findall(text.strip())
    if text.strip() == "0":
        return 0.0
    if not parts or "".join(number + unit for number, unit in parts) != text.strip():
        raise ValueError(f"{text!r} is not a duration; write it like 30s or 1m30s")
    return sum(float(number) * _UNITS[unit] for number, unit in parts)
