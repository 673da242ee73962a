"""Reading Prometheus' text format and OpenMetrics.

A line that was seen before costs one look-up of its text before the value; only a new one is taken apart.
Sources: https://prometheus.io/docs/instrumenting/exposition_formats/ and
https://prometheus.io/docs/specs/om/open_metrics_spec/
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection
from dataclasses import dataclass

from nexus.telemetry.scrape.sample import Kind
from nexus.telemetry.scrape.series import Registry, Target

LONGEST_LINE = 16 << 10
LINES_AT_ONCE = 5_000
_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_QUOTED = r'"((?:[^"\\]|\\.)*)"'
_QUOTED_NAME = re.compile(rf"\s*{_QUOTED}\s*(?=[,}}])")
_LABEL = re.compile(rf"\s*(?:([a-zA-Z_][a-zA-Z0-9_]*)|{_QUOTED})\s*=\s*{_QUOTED}\s*")
_ESCAPE = re.compile(r"\\(.)")
_UNESCAPED = {"n": "\n", '"': '"', "\\": "\\"}
_SUFFIXES = ("_bucket", "_sum", "_count", "_total", "_info", "_gsum", "_gcount", "_created")
_KINDS: dict[str, Kind] = {
    "counter": "counter",
    "gauge": "gauge",
    "histogram": "histogram",
    "gaugehistogram": "histogram",
    "summary": "summary",
    "info": "gauge",
    "stateset": "gauge",
}


class Malformed(ValueError):
    """A line that is no sample."""


@dataclass
class Reading:
    """What one exposition held. `fault` tells the first line that could not be read; `plain`: no line so far
    had a time stamp or an exemplar.
    """

    samples: int = 0
    malformed: int = 0
    fault: str = ""
    plain: bool = True


async def read(
    registry: Registry, target: Target, text: str, at: float, ours: Collection[str] = frozenset()
) -> Reading:
    """Take an exposition in as values of `target`, seen at `at` (seconds since the epoch).

    A sample's own time stamp, exemplars, `_created` samples and metrics named in `ours` are left out. What
    cannot be read is counted, the rest is kept. Others get their turn while a long one is read.
    """
    reading = Reading()
    lines = text.split("\n")
    for first in range(0, len(lines), LINES_AT_ONCE):
        if first:
            await asyncio.sleep(0)
        _read(registry, target, lines[first : first + LINES_AT_ONCE], at, ours, reading)
    return reading


def _read(
    registry: Registry, target: Target, lines: list[str], at: float, ours: Collection[str], reading: Reading
) -> None:
    known, touched = target.known, registry.touched
    overflow: dict[str, int] = {}
    for line in lines:
        if not line or line == "\r":
            continue
        if line[0] == "#":
            _comment(registry, target, line)
            continue
        told, _, number = line.rpartition(" ")
        series = known.get(told)
        if series is not None:
            try:
                value = float(number)
            except ValueError:
                _count(reading, line)
                continue
            reading.samples += 1
            if series.time != at:
                series.value = value
                series.time = at
                touched.append(series)
            continue
        if reading.plain and target.full():
            name = told.partition("{")[0]
            if not target.examines(name):
                overflow[name] = overflow.get(name, 0) + 1
                continue
        try:
            _new(target, line, at, ours, reading)
        except (ValueError, IndexError):
            _count(reading, line)
    for name, count in overflow.items():
        target.drop(name if _NAME.fullmatch(name) else "", None, count)


def _count(reading: Reading, line: str) -> None:
    reading.malformed += 1
    reading.fault = reading.fault or line[:120]


def _new(target: Target, line: str, at: float, ours: Collection[str], reading: Reading) -> None:
    told, name, labels, rest = parse(line)
    value, *more = rest
    number = float(value)
    reading.samples += 1
    if name not in ours and not _is_creation(target, name):
        series = target.known.get(told) or target.add(told, name, labels, kind_of(target, name))
        if series is not None:
            target.set(series, number, at)
    reading.plain = reading.plain and not more and " # " not in line


def parse(line: str) -> tuple[str, str, dict[str, str], list[str]]:
    """Return a line's text before the value, its name, its labels, and the words after them (value first).

    Raises:
        Malformed: it is no sample.
    """
    if len(line) > LONGEST_LINE:
        raise Malformed("longer than 16 KiB")
    found = _NAME.match(line)
    name = found.group() if found else ""
    end = found.end() if found else 0
    labels: dict[str, str] = {}
    brace = end + len(line[end:]) - len(line[end:].lstrip(" \t"))
    if line[brace : brace + 1] == "{":
        end = brace + 1
        quoted = _QUOTED_NAME.match(line, end) if not name else None
        if quoted:
            name = _unescape(quoted.group(1))
            end = quoted.end() + (line[quoted.end()] == ",")
        end = _labels(line, end, labels)
    rest = line[end:].partition(" # ")[0].split()
    if not name or not rest or len(rest) > 2:
        raise Malformed("no sample")
    return line[:end], name, labels, rest


def _labels(line: str, end: int, labels: dict[str, str]) -> int:
    """Read labels up to the closing brace; return where the value begins."""
    while line[end : end + 1].strip() or line[end:].lstrip():
        if line[end:].lstrip()[:1] == "}":
            return line.index("}", end) + 1
        found = _LABEL.match(line, end)
        if not found:
            break
        labels[found.group(1) or _unescape(found.group(2))] = _unescape(found.group(3))
        end = found.end()
        if line[end : end + 1] == ",":
            end += 1
        elif line[end : end + 1] != "}":
            break
    raise Malformed("labels")


def _unescape(text: str) -> str:
    if "\\" not in text:
        return text
    return _ESCAPE.sub(lambda found: _UNESCAPED.get(found.group(1), found.group()), text)


def _comment(registry: Registry, target: Target, line: str) -> None:
    words = line.split(" ", 3)
    if len(words) < 4 or words[0] != "#":
        return
    _, what, family, text = words
    if what == "TYPE" and len(target.kinds) < registry.limits.target:
        target.kinds[family] = text.strip()
    elif what == "HELP":
        registry.help(family, _unescape(text.rstrip("\r")))


def kind_of(target: Target, name: str) -> Kind:
    """The kind of a sample's family, as far as the target told it."""
    told = target.kinds.get(name)
    if told is None:
        told = target.kinds.get(_base(name), "")
    return _KINDS.get(told, "untyped")


def _is_creation(target: Target, name: str) -> bool:
    if not name.endswith("_created"):
        return False
    base = name.removesuffix("_created")
    kinds = target.kinds
    return kinds.get(base) in ("counter", "histogram", "summary") or f"{base}_total" in kinds


def _base(name: str) -> str:
    for suffix in _SUFFIXES:
        if name.endswith(suffix):
            return name.removesuffix(suffix)
    return name
