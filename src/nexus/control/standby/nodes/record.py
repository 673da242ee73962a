"""What is remembered of a standby on another node from one control loop to the next."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from nexus.control.standby.record import Ended
from nexus.render.containers.standby import Placed
from nexus.runtimes.containers.placing import KEY, placed_of
from nexus.runtimes.memory import Memory


@dataclass(frozen=True)
class Left:
    """A volume that is served no more. `node`: the id, `host`: the name; `marked`: PostgreSQL itself, started
    on it by hand, only reads.
    """

    node: str
    host: str
    volume: str
    marked: bool = False


@dataclass(frozen=True)
class Kept:
    """`placed`: where the primary is and who follows it. `synchronous`: commits are to wait for the standby;
    `waited_for`: they do, so that it has all that was acknowledged; `auto`: it takes over by itself.

    `moving`: why it takes the primary's place now ("" = it does not), `since`: since when (Unix time),
    `forced`: as it was asked for, `promoted`: the standby was told to become a primary, and may be one.
    `numbers`: how many volumes there have been. `first`: the id of the node that had the primary when the
    first standby was added.
    """

    placed: Placed = field(default_factory=Placed)
    synchronous: bool = False
    waited_for: bool = False
    auto: bool = False
    moving: str = ""
    since: float = 0.0
    forced: bool = False
    promoted: bool = False
    numbers: int = 1
    first: str = ""
    left: tuple[Left, ...] = ()
    last: Ended | None = None


class Records:
    """The record, in the control loop's register."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    @property
    def kept(self) -> Kept:
        """What is."""
        text = self._memory.get(KEY)
        return _read(json.loads(text)) if text else Kept()

    @kept.setter
    def kept(self, kept: Kept) -> None:
        if kept != self.kept:
            self._memory.set(KEY, json.dumps(asdict(kept)))

    def note(self, **changed: Any) -> Kept:
        """Changes some of it."""
        self.kept = replace(self.kept, **changed)
        return self.kept

    def place(self, **changed: Any) -> Kept:
        """Changes some of where the primary is."""
        return self.note(placed=replace(self.kept.placed, **changed))


def _read(told: Mapping[str, Any]) -> Kept:
    last = told["last"]
    return Kept(
        **{
            **told,
            "placed": placed_of(told["placed"]),
            "left": tuple(Left(**each) for each in told["left"]),
            "last": Ended(**last) if last else None,
        }
    )
