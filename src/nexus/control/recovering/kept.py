"""The last standing, kept as a file: for `nexus status`, for whoever asks while nothing runs."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from nexus.runtimes.home import Home

FRESH = 60.0  # seconds; the control loop writes it every few


def file(home: Home) -> Path:
    """Where it lies."""
    return home.root / "recovery.json"


def keep(home: Home, standing: dict[str, Any]) -> None:
    """Writes the standing for everybody who asks."""
    from nexus.runtimes.process import accounts  # `nexus status` only reads: it needs no runtime

    accounts.private_file(file(home), json.dumps(standing, ensure_ascii=False), None)


def read(home: Home, now: float | None = None) -> dict[str, Any] | None:
    """The standing that a control loop wrote just now; None when none did."""
    try:
        found: dict[str, Any] = json.loads(file(home).read_text())
    except (OSError, ValueError):
        return None
    return found if (now or time.time()) - found["at"] < FRESH else None
