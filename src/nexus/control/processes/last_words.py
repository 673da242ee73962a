"""The last thing an instance wrote before it ended: most often, why."""

from __future__ import annotations

import json
from pathlib import Path

from nexus.telemetry.masking import mask

TAIL = 8192  # bytes of the log that are looked at
LONGEST = 300  # characters that are told


def last_words(log: Path, instance: str) -> str:
    """The last line of a log that `instance` wrote, or that says not whose it is; secrets are masked."""
    try:
        with open(log, "rb") as file:
            file.seek(max(0, file.seek(0, 2) - TAIL))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return ""
    for line in reversed(lines):
        said = _said(line.strip("\0 "), instance)
        if said:
            return mask(said)[:LONGEST]
    return ""


def _said(line: str, instance: str) -> str:
    try:
        told = json.loads(line)
    except ValueError:
        return line
    if not isinstance(told, dict):
        return line
    return str(told.get("message", "")) if told.get("instance") == instance else ""
