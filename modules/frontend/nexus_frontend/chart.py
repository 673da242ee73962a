"""Geometry of the dashboard's chart: bars by day with a round scale. Pure numbers, drawn by a template."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from nexus_frontend.formats import to_decimal

WIDTH, HEIGHT = 720, 220
LEFT, RIGHT, TOP, BOTTOM = 52, 4, 12, 24
LINES = 4


@dataclass(frozen=True, slots=True)
class Bar:
    """One day. Coordinates in the chart's units; hit is the whole column."""

    x: float
    y: float
    width: float
    height: float
    hit_x: float
    hit_width: float
    day: str
    orders: int
    total: Decimal
    label: bool
    last: bool


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars, and the horizontal lines of the scale as (y, value)."""

    bars: tuple[Bar, ...]
    scale: tuple[tuple[float, Decimal], ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT


def draw(days: Sequence[Mapping[str, Any]]) -> Chart:
    """Draw days of ``{day, orders, total}``, oldest first. Every seventh day from the last has a label."""
    totals = [to_decimal(one["total"]) for one in days]
    top = ceiling(max(totals, default=Decimal(0)))
    room = HEIGHT - TOP - BOTTOM
    column = (WIDTH - LEFT - RIGHT) / max(len(days), 1)
    bars = []
    for n, (one, total) in enumerate(zip(days, totals, strict=True)):
        height = round(float(total / top) * room, 1)
        if total > 0:
            height = max(height, 2.0)
        x = LEFT + n * column
        bars.append(
            Bar(
                x=round(x + column * 0.16, 1),
                y=round(TOP + room - height, 1),
                width=round(column * 0.68, 1),
                height=height,
                hit_x=round(x, 1),
                hit_width=round(column, 1),
                day=str(one["day"]),
                orders=int(one.get("orders") or 0),
                total=total,
                label=(len(days) - 1 - n) % 7 == 0,
                last=n == len(days) - 1,
            )
        )
    scale = tuple((round(TOP + room * (1 - n / LINES), 1), top * n / LINES) for n in range(LINES + 1))
    return Chart(tuple(bars), scale)


def ceiling(value: Decimal) -> Decimal:
    """The next round number that four lines divide well: 1, 2, 4, 8 or 10 times a power of ten."""
    if value <= 0:
        return Decimal(4)
    power = Decimal(10) ** (len(str(int(value))) - 1)
    return next(power * step for step in (1, 2, 4, 6, 8, 10) if power * step >= value)
