"""Tables of KPIs and processes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from rich.markup import escape
from rich.table import Table
from rich.text import Text

from nexus.cli.amounts import NOTHING, amount, change, sparkline
from nexus.cli.language import t, title
from nexus.cli.paint import harmless

BURN_FAST, BURN_SLOW = 14.4, 1.0  # of the budget of 28 days: gone in 2 days; gone before its time


def kpi_table(kpis: Iterable[Mapping[str, Any]], since: str) -> Table:
    """One row per KPI and value of its labels."""
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 1, 0, 0))
    table.add_column(t("module"), no_wrap=True)
    table.add_column("KPI", no_wrap=True, overflow="ellipsis", ratio=1, min_width=14)
    table.add_column(t("value"), no_wrap=True, justify="right")
    table.add_column(f"-{since}", no_wrap=True, justify="right")
    table.add_column(since, no_wrap=True)
    for kpi in kpis:
        for cells in _kpi_rows(kpi):
            table.add_row(*cells)
    return table


def _kpi_rows(kpi: Mapping[str, Any]) -> Iterator[tuple[str | Text, ...]]:
    name = title(kpi["title"], kpi["name"])
    if not kpi["values"]:
        yield (escape(kpi["module"]), escape(name), NOTHING, "", "")
    for value in kpi["values"]:
        label = labels_text(value["labels"])
        yield (
            escape(kpi["module"]),
            escape(f"{name}, {label}" if label else name),
            Text(
                amount(value["value"], kpi["unit"]), "bold yellow" if beyond(kpi, value["value"]) else "bold"
            ),
            _trend(kpi, value),
            Text(sparkline(value["trend"]), "cyan"),
        )


def beyond(kpi: Mapping[str, Any], value: float | None) -> bool:
    """Whether a value is worse than the KPI's limit."""
    if kpi["limit"] is None or value is None:
        return False
    return bool(value < kpi["limit"] if kpi["better"] == "higher" else value > kpi["limit"])


def labels_text(labels: Mapping[str, str]) -> str:
    """The values of labels, in the order of their names."""
    return harmless(", ".join(labels[name] for name in sorted(labels)))


def _trend(kpi: Mapping[str, Any], value: Mapping[str, Any]) -> Text:
    before, now = value["before"], next((v for v in reversed(value["trend"]) if v is not None), None)
    text = change(before, now)
    if not text or text in "=≈" or before is None or now is None:
        return Text(text, "dim")
    better = (now > before) == (kpi["better"] == "higher")
    return Text(text, "green" if better else "red")


def process_table(processes: Iterable[Mapping[str, Any]]) -> Table:
    """One row per process and objective."""
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 1, 0, 0))
    table.add_column(t("process"), no_wrap=True)
    table.add_column(t("objective"), no_wrap=True, overflow="ellipsis", ratio=1, min_width=12)
    for column in (t("target"), t("budget left"), t("burn 1 h"), t("burn 6 h"), t("worth an hour")):
        table.add_column(column, no_wrap=True, justify="right")
    for process in processes:
        name = escape(title(process["title"], process["name"]))
        worth = amount(process["value"], process["unit"]) if process["value"] is not None else ""
        for objective in process["objectives"]:
            rates = objective["burn"]
            table.add_row(
                name,
                escape(title(objective["title"], objective["name"])),
                amount(objective["target"] * 100, "%"),
                budget(objective["budget"]),
                burn(rates.get("1h")),
                burn(rates.get("6h")),
                worth,
            )
            name = worth = ""
        if not process["objectives"]:
            table.add_row(name, "", "", "", "", "", worth)
    return table


def budget(left: float | None) -> Text:
    """The share of an error budget that is left."""
    if left is None:
        return Text(NOTHING, "dim")
    return Text(amount(left * 100, "%"), "red" if left <= 0 else "yellow" if left < 0.25 else "green")


def burn(rate: float | None) -> Text:
    """How many times too fast a budget is spent."""
    if rate is None:
        return Text(NOTHING, "dim")
    return Text(f"{rate:.1f}×", "red" if rate >= BURN_FAST else "yellow" if rate > BURN_SLOW else "")
