"""Everything that is current in one exposition, for a Prometheus that scrapes us.

Text format 0.0.4: https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

import asyncio
import math
import re
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from itertools import groupby
from typing import Protocol

import orjson

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
STALE_AFTER = 300.0  # seconds
LINES_AT_ONCE = 2_000

_PARTS = {"histogram": ("_bucket", "_sum", "_count"), "summary": ("_sum", "_count")}
_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_NOT_IN_NAMES = re.compile(r"[^a-zA-Z0-9_:]")
_NOT_IN_LABELS = re.compile(r"[^a-zA-Z0-9_]")


class Current(Protocol):
    """A series and its newest value. `labels`: the text of a JSON object; `time`: seconds since the epoch."""

    @property
    def name(self) -> str: ...

    @property
    def labels(self) -> str: ...

    @property
    def kind(self) -> str: ...

    @property
    def value(self) -> float: ...

    @property
    def time(self) -> float: ...


async def exposition(series: Iterable[Current], helps: Mapping[str, str]) -> AsyncIterator[bytes]:
    """The text in pieces; others get their turn between them. `helps`: what families mean.

    Series not seen for five minutes are left out; of several with equal labels the newest counts.
    """
    piece: list[str] = []
    for line in lines(series, helps, time.time()):
        piece.append(line)
        if len(piece) == LINES_AT_ONCE:
            yield "".join(piece).encode("utf-8", "replace")
            piece.clear()
            await asyncio.sleep(0)
    if piece:
        yield "".join(piece).encode("utf-8", "replace")


def lines(series: Iterable[Current], helps: Mapping[str, str], now: float) -> Iterator[str]:
    """The lines of the exposition, each with its end; the samples of a family stand together."""
    fresh = (each for each in series if each.time > now - STALE_AFTER)
    ordered = sorted(((_family(each), each) for each in fresh), key=lambda pair: (*pair[0], pair[1].name))
    told = ""
    for (name, kind), members in groupby(ordered, key=lambda pair: pair[0]):
        if name != told:  # a name that two services use for different kinds has the first one's
            told = name
            text = helps.get(name, "")
            if text:
                yield f"# HELP {valid(name)} {_escaped(text, quotes=False)}\n"
            yield f"# TYPE {valid(name)} {kind}\n"
        yield from _samples(each for _, each in members)


def _samples(members: Iterable[Current]) -> Iterator[str]:
    newest: dict[tuple[str, str], Current] = {}
    for each in members:
        key = (each.name, each.labels)
        if key not in newest or each.time > newest[key].time:
            newest[key] = each
    for each in newest.values():
        yield f"{valid(each.name)}{_labels(each.labels)} {number(each.value)}\n"


def _family(series: Current) -> tuple[str, str]:
    for part in _PARTS.get(series.kind, ()):
        if series.name.endswith(part):
            return series.name.removesuffix(part), series.kind
    return series.name, series.kind


def _labels(text: str) -> str:
    labels = orjson.loads(text) if text else {}
    if not labels:
        return ""
    told = (f'{_NOT_IN_LABELS.sub("_", name)}="{_escaped(str(value))}"' for name, value in labels.items())
    return f"{{{','.join(told)}}}"


def _escaped(text: str, quotes: bool = True) -> str:
    text = text.replace("\\", "\\\\").replace("\n", "\\n")
    return text.replace('"', '\\"') if quotes else text


def valid(name: str) -> str:
    """A metric's name as every Prometheus reads it."""
    if _NAME.fullmatch(name):
        return name
    told = _NOT_IN_NAMES.sub("_", name)
    return told if _NAME.match(told) else f"_{told}"


def number(value: float) -> str:
    """A value as Go reads it."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return repr(float(value))
