"""The history of health: an answer is kept when its meaning changed, and once a minute anyway."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import orjson
import pyarrow as pa

from nexus.telemetry.masking import mask_answer
from nexus.telemetry.records import HEALTH
from nexus.telemetry.scrape.sample import Sample

Question = Literal["live", "ready", "business"]

AT_LEAST_EVERY = 60.0
FORGET_AFTER = 600.0
LONGEST_DETAIL = 16 << 10
MOST_NUMBERS = 200
_DIGITS = re.compile(r"\d+(?:\.\d+)?")


@dataclass(frozen=True)
class Answer:
    """What came back. `status` is HTTP's (0: no answer); `detail` is its text, or why there was none."""

    ok: bool
    ms: float
    status: int = 0
    detail: str = ""


@dataclass
class _Last:
    answer: Answer
    meaning: Any
    written: float
    seen: float


class History:
    """What was answered last by whom, and what of it is still to be written down."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, str, Question], _Last] = {}
        self._rows: list[tuple[Any, ...]] = []

    def note(self, service: str, instance: str, question: Question, answer: Answer, at: float) -> None:
        """Takes an answer of the time `at` (seconds since the epoch)."""
        key = (service, instance, question)
        last = self._last.get(key)
        detail = answer.detail[:LONGEST_DETAIL]
        same = last is not None and last.answer.ok == answer.ok and last.answer.detail == detail
        meaning = last.meaning if last is not None and same else meaning_of(detail)
        answer = Answer(answer.ok, answer.ms, answer.status, detail)
        unchanged = last is not None and (same or (last.answer.ok, last.meaning) == (answer.ok, meaning))
        if last is not None and unchanged and 0 <= at - last.written < AT_LEAST_EVERY:
            last.answer, last.seen = answer, at
            return
        self._last[key] = _Last(answer, meaning, at, at)
        told = mask_answer(answer.detail)[:LONGEST_DETAIL]
        self._rows.append((int(at * 1e6), service, instance, question, answer.ok, answer.ms, told))

    def last(self) -> dict[str, dict[str, dict[str, bool]]]:
        """Whether each question of each instance was answered well: {service: {instance: {question: ok}}}."""
        told: dict[str, dict[str, dict[str, bool]]] = {}
        for (service, instance, question), last in self._last.items():
            told.setdefault(service, {}).setdefault(instance, {})[question] = last.answer.ok
        return told

    def expire(self, now: float) -> None:
        """Forgets who has not been asked for ten minutes."""
        self._last = {key: last for key, last in self._last.items() if now - last.seen < FORGET_AFTER}

    def take(self) -> pa.Table | None:
        """What is to be written down since the last call; None for nothing."""
        rows, self._rows = self._rows, []
        if not rows:
            return None
        times, *columns = zip(*rows, strict=True)
        arrays = [pa.array(times, pa.int64()).cast(HEALTH.field(0).type)]
        arrays += [
            pa.array(column, field.type) for column, field in zip(columns, list(HEALTH)[1:], strict=True)
        ]
        return pa.table(arrays, schema=HEALTH)


def meaning_of(detail: str) -> Any:
    """An answer without what changes all the time: its figures."""
    try:
        return _shape(orjson.loads(detail))
    except orjson.JSONDecodeError:
        return _DIGITS.sub("#", detail)


def _shape(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _shape(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_shape(inner) for inner in value]
    if isinstance(value, str):
        return _DIGITS.sub("#", value)
    return value if isinstance(value, bool) or value is None else "#"


def says_no(answer: Answer) -> bool:
    """Whether the answer itself says that all is not well, whatever its status."""
    return _object(answer).get("ok") is False


def _object(answer: Answer) -> Mapping[str, Any]:
    try:
        told = orjson.loads(answer.detail)
    except orjson.JSONDecodeError:
        return {}
    return told if isinstance(told, dict) else {}


def business_numbers(answer: Answer) -> Iterator[Sample]:
    """The numbers of a business answer as metrics; nothing of an answer that has none."""
    told = _object(answer)
    numbers = told.get("numbers")
    if not isinstance(numbers, dict):
        return
    zero = told.get("must_be_zero")
    must = {str(name) for name in zero} if isinstance(zero, list) else set()
    for name, value in list(numbers.items())[:MOST_NUMBERS]:
        if isinstance(value, int | float) and not isinstance(value, bool):
            marked = {"must_be_zero": "true"} if name in must else {}
            yield Sample("nexus_business_number", {"name": name, **marked}, float(value))
