"""Where the database of a Swarm lies that has, or had, a standby on another node: remembered from one control
loop to the next.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from nexus.render.containers.standby import Follower, Placed
from nexus.runtimes.memory import Memory

KEY = "standby nodes"


def placed_of(told: Mapping[str, Any]) -> Placed:
    """The place, from what is remembered. Pure."""
    follower = told.get("follower")
    return Placed(**{**told, "follower": Follower(**follower) if follower else None})


def placed_in(memory: Memory) -> Placed | None:
    """The place; None where there was never a standby."""
    text = memory.get(KEY)
    return placed_of(json.loads(text)["placed"]) if text else None
