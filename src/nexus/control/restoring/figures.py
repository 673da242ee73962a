"""What a restore costs: what is lost after its target, and how long it takes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Figures:
    """`lost` in words, "" when nothing is; `minutes` as expected."""

    lost: str
    minutes: float
