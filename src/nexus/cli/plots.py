"""Curves over time, drawn in the terminal."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

from nexus.cli.paint import Paint

COLOURS = ("cyan", "green", "yellow", "magenta", "blue", "red", "white", "orange")
LETTERS = "abcdefgh"
MOST = len(COLOURS)  # curves that can be told apart
HEIGHT = 16
_TICKS_Y, _COLUMNS_PER_TICK = 5, 14

Points = Sequence[tuple[float, float | None]]


def plot(
    curves: Sequence[Points], width: int, paint: Paint, written: Callable[[float], str], height: int = HEIGHT
) -> str:
    """Curves of (seconds since the epoch, value) as lines of text, at most `MOST` of them; None is a gap.
    `written` is how a value is written at the axis.
    """
    import plotext  # type: ignore[import-untyped]

    figure = plotext.figure
    figure.clear()
    figure.theme("colorless")
    figure.canvas("default")
    figure.plot_size(width, height)
    for index, curve in enumerate(curves[:MOST]):
        symbol = "braille" if paint.on or len(curves) == 1 else LETTERS[index]
        marker = plotext.marker(symbol, COLOURS[index]) if paint.on else symbol
        for run in _runs(curve):
            signal = figure.signal([at for at, _ in run], [value for _, value in run], marker=marker)
            signal.lines()
            figure.draw(signal)
    known = [(at, value) for curve in curves[:MOST] for at, value in curve if value is not None]
    if known:
        _mark_time([at for at, _ in known], width)
        _mark_values([value for _, value in known], written)
    text = figure.build().string() if paint.on else plotext.uncolorize(figure.build().string())
    return "\n".join(line.rstrip() for line in text.splitlines()).rstrip("\n")


def sign(index: int, paint: Paint, count: int) -> str:
    """What one of `count` curves is drawn with, for its legend."""
    colour = COLOURS[index].replace("orange", "bright_red")
    return paint("━", colour) if paint.on or count == 1 else LETTERS[index]


def _runs(curve: Points) -> Iterator[list[tuple[float, float]]]:
    run: list[tuple[float, float]] = []
    for at, value in curve:
        if value is not None:
            run.append((at, value))
        elif run:
            yield run
            run = []
    if run:
        yield run


def _mark_time(times: Sequence[float], width: int) -> None:
    import plotext

    first, last = min(times), max(times)
    count = max(2, width // _COLUMNS_PER_TICK)
    places = (
        [first + (last - first) * index / (count - 1) for index in range(count)] if last > first else [first]
    )
    form = "%H:%M:%S" if last - first < 1800 else "%H:%M" if last - first < 86_400 else "%d/%m %Hh"
    plotext.figure.ruler("x").ticks(places, [time.strftime(form, time.localtime(at)) for at in places])


def _mark_values(values: Sequence[float], written: Callable[[float], str]) -> None:
    import plotext

    least, most = min(values), max(values)
    places = (
        [least + (most - least) * index / (_TICKS_Y - 1) for index in range(_TICKS_Y)]
        if most > least
        else [least]
    )
    plotext.figure.ruler("y").ticks(places, [written(value) for value in places])
