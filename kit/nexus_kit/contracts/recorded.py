"""`python -m nexus_kit.contracts.recorded PACKAGE`: run a module as ever, and note what it tells and reads.

For tests. One JSON object per line goes to the file that RECORD_FILE names, each only once:
`{"told": TYPE, "data": …}` an event was published; `{"heard": TYPE, "of": MODULE, "field": …}` a handler read
a field of an event's data; `{"asked": "GET /path", "of": MODULE, "query": …, "body": …, "status": …}` another
module was called; `{"read": "GET /path", …, "field": …}` a field of its answer was read.
"""

from __future__ import annotations

import os
import runpy
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import orjson

from nexus_kit.calls import Calls, Reply
from nexus_kit.contracts.reads import watched
from nexus_kit.events import spans
from nexus_kit.events.event import Event
from nexus_kit.tx import Tx

LONGEST = 200
"""How many of the values of one event type are noted."""


class Recorder:
    """The file of notes."""

    def __init__(self, path: str) -> None:
        self._file = open(path, "ab", buffering=0)  # noqa: SIM115 - open as long as the process lives
        self._seen: set[bytes] = set()
        self._told: dict[str, int] = {}

    def note(self, **what: Any) -> None:
        """Write a line, unless it was written before. It survives SIGKILL."""
        line = orjson.dumps(what, default=str)
        if line not in self._seen:
            self._seen.add(line)
            self._file.write(line + b"\n")

    def told(self, kind: str, data: Mapping[str, Any]) -> None:
        """Note a published event."""
        self._told[kind] = self._told.get(kind, 0) + 1
        if self._told[kind] <= LONGEST:
            self.note(told=kind, data=dict(data))


class _WatchedReply(Reply):
    """An answer that tells which of its fields are read."""

    __slots__ = ("_watch",)

    def __init__(self, reply: Reply, watch: Callable[[Any], Any]) -> None:
        super().__init__(reply.status, reply.headers, reply.body)
        self._watch = watch

    @property
    def data(self) -> Any:
        """The parsed JSON, watched."""
        return self._watch(super().data)


def install(recorder: Recorder) -> None:
    """Have everything noted that this process publishes, hears, asks and reads."""
    publish, exchange, ids = Tx.publish, Calls._exchange, spans._ids
    read = Event.from_fields.__func__  # type: ignore[attr-defined]

    async def publishing(self: Tx, type: str, entity_id: Any, data: Mapping[str, Any], **more: Any) -> Any:
        recorder.told(type, data)
        return await publish(self, type, entity_id, data, **more)

    def reading(cls: type[Event], module: str, fields: list[str]) -> Event:
        event: Event = read(cls, module, fields)
        heard = partial(_field, recorder, {"heard": event.type, "of": module})
        return replace(event, data=watched(event.data, heard))

    async def asking(
        self: Calls, module: str, method: str, url: str, body: Any, params: Any, *rest: Any
    ) -> Reply:
        title = f"{method} {urlsplit(url).path}"
        reply: Reply = await exchange(self, module, method, url, body, params, *rest)
        sent = fields_of(orjson.loads(body)) if body else []
        recorder.note(asked=title, of=module, query=sorted(params or ()), body=sent, status=reply.status)
        if not reply.ok:
            return reply  # a problem, of which the kit's contract tells
        answered = partial(_field, recorder, {"read": title, "of": module})
        return _WatchedReply(reply, partial(watched, note=answered))

    def named(event: Event) -> dict[str, Any]:
        return ids(replace(event, data=dict(dict.items(event.data))))  # spans carry ids; nobody relies on it

    Tx.publish = publishing  # type: ignore[method-assign]
    Event.from_fields = classmethod(reading)  # type: ignore[method-assign, assignment]
    spans._ids = named
    Calls._exchange = asking  # type: ignore[method-assign]


def _field(recorder: Recorder, said: Mapping[str, Any], field: str, asks: bool) -> None:
    recorder.note(**said, field=field, asks=asks)


def fields_of(value: Any, path: str = "") -> Sequence[str]:
    """Every field of a JSON value, as `lines[].id`."""
    if isinstance(value, list):
        return sorted({field for each in value for field in fields_of(each, f"{path}[]")})
    if not isinstance(value, dict):
        return []
    before = f"{path}." if path else ""
    inner = [field for key, each in value.items() for field in fields_of(each, before + key)]
    return sorted({*(before + key for key in value), *inner})


if __name__ == "__main__":
    install(Recorder(os.environ["RECORD_FILE"]))
    runpy.run_module(sys.argv[1], run_name="__main__")
