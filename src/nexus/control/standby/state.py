"""The state of the standby, in the stable form that `nexus standby status --json` prints."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

from nexus.control.standby.keeping import StandingBy
from nexus.control.standby.watching import Watching


def state(standing: StandingBy, watching: Watching) -> dict[str, Any]:
    """Primary, standby, stream, a former primary and the last takeover, as they are now."""
    record, primary, standby = standing.records.standby, standing.primary, standing.standby
    seen, last, former = watching.seen, standing.records.last, standing.records.former
    held = standing.seat.held()
    return {
        "service": standing.database.name,
        "decision": held.epoch,
        "moving": held.moving or None,
        "primary": {
            "data": str(standing.holder),
            "port": primary.slot.port if primary else None,
            "stable_port": standing.site.ports[standing.database.name],
            "state": primary.state if primary else "down",
            "why": primary.why if primary else "",
        },
        "standby": None
        if record is None
        else {
            "data": record.data,
            "port": record.port,
            "state": standby.state if standby else "down",
            "why": standby.why if standby else "",
            "synchronous": record.synchronous,
            "waited_for": record.waited_for,
            "auto": record.auto,
            "stream": seen.as_dict() if seen else None,
            "seen_s": round(time.monotonic() - watching.seen_at, 1) if seen else None,
        },
        "former": former.data if former else None,
        "last": asdict(last) if last else None,
    }
