"""Panels of a Grafana dashboard and where they stand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

COLUMNS = 24
WIDTH, HEIGHT = 8, 7
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}


class Query(NamedTuple):
    """A PromQL expression and what its lines are called."""

    expr: str
    legend: str


@dataclass(frozen=True)
class Panel:
    """One panel. `steps` are its thresholds (None: from below), `axis` is what it counts where `unit` (one of
    Grafana's) does not say it, `told` explains it, `most` is the end of its scale.
    """

    title: str
    kind: Literal["row", "stat", "bargauge", "timeseries"]
    queries: Sequence[Query] = ()
    unit: str = "short"
    axis: str = ""
    steps: tuple[tuple[float | None, str], ...] = ((None, "green"),)
    told: str = ""
    stacked: bool = False
    most: float | None = None


def row(title: str) -> Panel:
    """A headline."""
    return Panel(title, "row")


def laid_out(panels: Iterable[Panel]) -> list[dict[str, Any]]:
    """The panels as Grafana wants them: side by side below their headline."""
    return list(_placed(panels))


def _placed(panels: Iterable[Panel]) -> Iterator[dict[str, Any]]:
    x = y = 0
    for number, panel in enumerate(panels, 1):
        if panel.kind == "row":
            y += HEIGHT if x else 0
            yield {
                "id": number,
                "type": "row",
                "title": panel.title,
                "collapsed": False,
                "panels": [],
                "gridPos": {"x": 0, "y": y, "w": COLUMNS, "h": 1},
            }
            x, y = 0, y + 1
            continue
        yield {"id": number, **_panel(panel), "gridPos": {"x": x, "y": y, "w": WIDTH, "h": HEIGHT}}
        x += WIDTH
        if x == COLUMNS:
            x, y = 0, y + HEIGHT


def _panel(panel: Panel) -> dict[str, Any]:
    defaults: dict[str, Any] = {
        "unit": panel.unit,
        "thresholds": {
            "mode": "absolute",
            "steps": [{"value": value, "color": color} for value, color in panel.steps],
        },
    }
    if panel.most is not None:
        defaults |= {"min": 0, "max": panel.most}
    if panel.kind == "timeseries":
        defaults["custom"] = _lines(panel)
    return {
        "type": panel.kind,
        "title": panel.title,
        **({"description": panel.told} if panel.told else {}),
        "datasource": DATASOURCE,
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": _options(panel),
        "targets": [
            {
                "refId": chr(ord("A") + place),
                "datasource": DATASOURCE,
                "expr": query.expr,
                "legendFormat": query.legend,
                **({} if panel.kind == "timeseries" else {"instant": True, "range": False}),
            }
            for place, query in enumerate(panel.queries)
        ],
    }


def _lines(panel: Panel) -> dict[str, Any]:
    return {
        "drawStyle": "line",
        "lineWidth": 1,
        "fillOpacity": 30 if panel.stacked else 10,
        "showPoints": "never",
        "axisLabel": panel.axis,
        "stacking": {"mode": "normal" if panel.stacked else "none"},
        "thresholdsStyle": {"mode": "line" if len(panel.steps) > 1 else "off"},
    }


def _options(panel: Panel) -> dict[str, Any]:
    if panel.kind == "timeseries":
        return {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}}
    return {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "orientation": "horizontal" if panel.kind == "bargauge" else "auto",
        **({"displayMode": "basic"} if panel.kind == "bargauge" else {"colorMode": "value"}),
    }
