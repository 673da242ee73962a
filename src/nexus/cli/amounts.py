"""Figures for people: money, shares, times and counts, each as its unit is written."""

from __future__ import annotations

from collections.abc import Sequence

from nexus.cli import times
from nexus.cli.language import language

BARS = "▁▂▃▄▅▆▇█"
NOTHING = "-"
_CURRENCIES = {"BRL": "R$", "USD": "US$", "EUR": "€"}
_SECONDS = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86_400.0}
_SWAPPED = str.maketrans({",": ".", ".": ","})


def amount(value: float | None, unit: str) -> str:
    """A value with its unit: `R$ 1.234,56`, `98.4%`, `3 m 20 s`, `12 orders/min`, `7` of `count`."""
    if value is None:
        return NOTHING
    if unit in _CURRENCIES:
        money = f"{abs(value):,.2f}"
        swapped = money.translate(_SWAPPED) if unit == "BRL" or language() == "pt-BR" else money
        return f"{'-' if value < 0 else ''}{_CURRENCIES[unit]} {swapped}"
    if unit == "%":
        return f"{number(value, 1)}%"
    if unit in _SECONDS:
        return f"{'-' if value < 0 else ''}{times.lasting(abs(value) * _SECONDS[unit])}" if value else "0 s"
    return number(value) if unit in ("count", "") else f"{number(value)} {unit}"


def number(value: float, digits: int = 2) -> str:
    """A number with so many digits after the point at most, as the operator's language writes it."""
    if value != value or value in (float("inf"), float("-inf")):
        return str(value)
    small = 0 < abs(value) < 10**-digits
    text = f"{value:.2g}" if small else f"{value:,.{digits}f}"
    if "." in text and "e" not in text:
        text = text.rstrip("0").rstrip(".")
    return text.translate(_SWAPPED) if language() == "pt-BR" else text


def size(bytes_: float) -> str:
    """An amount of memory: `12.3 MB`."""
    for unit, least in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if bytes_ >= least:
            return f"{number(bytes_ / least, 1)} {unit}"
    return f"{number(bytes_, 0)} B"


def change(before: float | None, now: float | None) -> str:
    """By how much a value changed: `+12%`, `=`; as an arrow where it was zero; "" when one is not known."""
    if before is None or now is None:
        return ""
    if abs(now - before) <= 1e-9 * max(abs(before), abs(now)):
        return "="
    if before == 0:
        return "↑" if now > 0 else "↓"
    share = (now - before) / abs(before)
    return "≈" if abs(share) < 0.005 else f"{share:+.0%}" if abs(share) < 10 else ("↑" if share > 0 else "↓")


def sparkline(values: Sequence[float | None]) -> str:
    """One bar a value, from the least to the greatest of them; a blank where there is none."""
    known = [value for value in values if value is not None]
    if not known:
        return " " * len(values)
    least, span = min(known), max(known) - min(known)

    def bar(value: float | None) -> str:
        if value is None:
            return " "
        return BARS[min(len(BARS) - 1, int((value - least) / span * len(BARS)))] if span else BARS[0]

    return "".join(bar(value) for value in values)
