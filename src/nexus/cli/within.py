"""What happens inside the migrations of a deploy or an `up`, a line each; what goes on only now and then."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from nexus.cli.migratesaid import said

EVERY_S = 5.0
GOES_ON = frozenset({"waiting", "progress", "batch"})


class Within:
    """Says what is to be shown of events `told`."""

    def __init__(self) -> None:
        self._at: dict[tuple[str, str], float] = {}

    def line(self, event: Mapping[str, Any]) -> str:
        """The event as a line with its migration; "" for what needs none, or was told just now."""
        if event["kind"] == "statement":
            return ""
        text, now = said(event), time.monotonic()
        key = (event["module"], event["kind"])
        if not text or (event["kind"] in GOES_ON and now - self._at.get(key, -EVERY_S) < EVERY_S):
            return ""
        self._at[key] = now
        return f"  {event['module']}/{event['migration']}: {text}"
