"""A figure at a moment, as a plain value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import orjson


@dataclass(frozen=True, slots=True)
class Point:
    """One value. `labels` is the text of a JSON object with sorted keys, `time` seconds since the epoch."""

    name: str
    labels: str
    kind: Literal["counter", "gauge"]
    value: float
    time: float


def label_text(labels: Mapping[str, str]) -> str:
    """The labels of a series as they are kept."""
    return orjson.dumps(dict(labels), option=orjson.OPT_SORT_KEYS).decode()
