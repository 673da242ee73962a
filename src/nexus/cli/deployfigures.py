"""The guard's figures of one moment, as a picture for a terminal and as a line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nexus.cli.language import t
from nexus.cli.verdicts import verdict

BAR = 40
COLOURS = {"ready": "green", "starting": "yellow", "degraded": "yellow", "down": "red"}
MARKS = {"ready": "●", "starting": "◌", "degraded": "◐", "down": "○"}
Side = Mapping[str, Any]


def share(event: Mapping[str, Any]) -> str:
    """What is judged, and for how much longer."""
    if event["left"] > 0 or event["phase"] == "bake":
        left = t("{seconds:.0f} s left", seconds=max(0.0, event["left"]))
    else:
        left = t("waiting for evidence")
    if event["phase"] == "bake":
        return t("watching {service}, {left}", service=event["service"], left=left)
    return t(
        "judging {service} at {weight} %, {left}", service=event["service"], weight=event["weight"], left=left
    )


def sentence(event: Mapping[str, Any]) -> str:
    """The candidate's figures against the stable release's."""
    new, old = event.get("candidate") or {}, event.get("stable") or {}
    said = t(
        "{requests} requests, errors {errors} against {former}, p95 {p95} against {before}",
        requests=_count(new.get("requests")),
        errors=_share(new),
        former=_share(old),
        p95=_time(new.get("p95_ms")),
        before=_time(old.get("p95_ms")),
    )
    found = verdict(event)
    return f"{said}; {found}" if found else said


def figures(event: Mapping[str, Any]) -> list[Any]:
    """Rich renderables: the share of requests as a bar, both sides' figures, what the guard says."""
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    weight = 100 if event["phase"] == "bake" else int(event["weight"])
    filled = max(1, round(BAR * weight / 100)) if weight else 0
    bar = Text("  ")
    bar.append("━" * (BAR - filled), style="blue").append("━" * filled, style="bold cyan")
    bar.append(f"  {share(event)}")
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("")
    for name in ("requests", "errors", "p50", "p95", "p99", "cpu", "memory"):
        table.add_column(t(name), justify="right", no_wrap=True)
    bake = event["phase"] == "bake"
    rows = (
        (("before", "stable", "blue"), ("now", "candidate", "cyan"))
        if bake
        else (
            ("stable", "stable", "blue"),
            ("candidate", "candidate", "cyan"),
        )
    )
    for title, side, colour in rows:
        table.add_row(Text(t(title), style=colour), *_cells(event.get(side) or {}))
    shown: list[Any] = [bar, Padding(table, (0, 0, 0, 2))]
    if found := verdict(event):
        shown.append(Text(f"  {found}", style="dim"))
    return shown


def _cells(side: Side) -> list[str]:
    cpu, memory = side.get("cpu"), side.get("memory")
    return [
        _count(side.get("requests")),
        _share(side),
        *(_time(side.get(name)) for name in ("p50_ms", "p95_ms", "p99_ms")),
        "–" if cpu is None else f"{cpu:.0%}",
        "–" if memory is None else f"{memory / 2**20:.0f} MB",
    ]


def _count(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}"


def _share(side: Side) -> str:
    requests, errors = side.get("requests"), side.get("errors")
    return "–" if not requests or errors is None else f"{100 * errors / requests:.1f} %"


def _time(milliseconds: float | None) -> str:
    return "–" if milliseconds is None else f"{milliseconds:.0f} ms"
