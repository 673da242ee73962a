"""A value of a metric, as it was measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["counter", "gauge", "histogram", "summary", "untyped"]


@dataclass(frozen=True, slots=True)
class Sample:
    """One value of a metric that we measured ourselves."""

    name: str
    labels: Mapping[str, str]
    value: float
    kind: Kind = "gauge"
