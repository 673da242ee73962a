"""The agent's own log: one JSON object a line, as the modules write theirs."""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime

WHO = {
    "service": "telemetry",
    "release": os.environ.get("NEXUS_RELEASE", ""),
    "instance": os.environ.get("HOSTNAME", ""),
}


def say(level: str, message: str, **fields: object) -> None:
    """Writes one line to stdout."""
    ts = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    print(json.dumps({"ts": ts, "level": level, **WHO, "message": message, **fields}), file=sys.stdout)
