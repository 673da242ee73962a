"""Events as handlers see them, and as they travel in a stream."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from nexus_kit.tx import Tx


def stream_of(module: str) -> str:
    """Name the stream that carries the events of ``module``."""
    return f"nexus:events:{module}"


@dataclass(frozen=True, slots=True)
class Event:
    """A fact another module told: ``type`` of ``module`` about ``entity_id`` of ``company_id``."""

    id: UUID
    type: str
    module: str
    company_id: UUID
    entity_id: UUID
    occurred_at: datetime
    data: dict[str, Any]
    trace: str | None = None

    @classmethod
    def from_fields(cls, module: str, fields: list[str]) -> Event:
        """Read a stream entry (flat field/value list). Raises KeyError or ValueError when it is no event."""
        entry = dict(zip(fields[::2], fields[1::2], strict=True))
        data = orjson.loads(entry["data"])
        if not isinstance(data, dict):
            raise ValueError("data is not a JSON object")
        return cls(
            id=UUID(entry["id"]),
            type=entry["type"],
            module=module,
            company_id=UUID(entry["company"]),
            entity_id=UUID(entry["entity"]),
            occurred_at=datetime.fromisoformat(entry["at"]),
            data=data,
            trace=entry.get("trace") or None,
        )

    def payload(self) -> dict[str, Any]:
        """What the inbox keeps of a parked event, enough to handle it later."""
        return {"occurred_at": self.occurred_at.isoformat(), "trace": self.trace, "data": self.data}


class NotYet(Exception):
    """Raised by a handler: something this event builds on has not arrived yet; try again later.

    A batch handler may name the events concerned (``events``), so that the others of the batch go on.
    """

    def __init__(self, reason: str = "", events: Iterable[Event | UUID] = ()) -> None:
        super().__init__(reason)
        self.event_ids = frozenset(item.id if isinstance(item, Event) else item for item in events)


OneHandler = Callable[[Tx, Event], Awaitable[None]]
BatchHandler = Callable[[Tx, list[Event]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Handler:
    """A registered handler; ``batch``: it takes a list of events of one company."""

    function: Callable[..., Awaitable[None]]
    batch: bool

    @property
    def name(self) -> str:
        """The function's name, for logs."""
        return self.function.__name__


Handlers = Mapping[tuple[str, str], Handler]
