"""Tables of KPIs and processes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from nexus.cli.amounts import NOTHING, amount, change, sparkline
from nexus.cli.language import t, title
from nexus.cli.paint import harmless
from nexus.stack.burning import FAST_BURN, reachable

WIDE = 100  # columns from which a sparkline has its full length
BURNS = ("5m", "1h", "6h", "3d")  # windows of burn rates that are shown
_NARROWEST = 14  # columns of a name
BURN_SLOW = 1.0  # above it the budget is gone before its time


def kpi_table(kpis: Iterable[Mapping[str, Any]], since: str, width: int) -> Table:
    """One row per KPI and value of its labels, for so many columns of a terminal."""
    headings = (t("module"), "KPI", t("value"), f"-{since}", since)
    return _fitted(headings, list(_kpi_rows(kpis, width < WIDE)), width, flexible=1, left=(0, 1, 4))


def _fitted(
    headings: Sequence[str], rows: Sequence[Sequence[Text]], width: int, flexible: int, left: Sequence[int]
) -> Table:
    """A table of so many columns of a terminal, in which one column alone is cut short."""
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    spare = width - sum(widths) + widths[flexible] - len(widths)
    widths[flexible] = max(_NARROWEST, min(widths[flexible], spare))
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 1, 0, 0))
    for index, heading in enumerate(headings):
        table.add_column(
            heading,
            no_wrap=True,
            overflow="ellipsis",
            width=widths[index],
            justify="left" if index in left else "right",
        )
    for row in rows:
        table.add_row(*row)
    return table


def _kpi_rows(kpis: Iterable[Mapping[str, Any]], narrow: bool) -> Iterator[tuple[Text, ...]]:
    module = None
    for kpi in kpis:
        name = title(kpi["title"], kpi["name"])
        for value in kpi["values"] or (None,):
            first = Text("" if kpi["module"] == module else kpi["module"])
            module = kpi["module"]
            if value is None:
                yield first, Text(name), Text(NOTHING, "dim"), Text(), Text()
                continue
            label = labels_text(value["labels"])
            yield (
                first,
                Text(f"{name}, {label}" if label else name),
                value_text(kpi, value["value"]),
                _trend(kpi, value),
                Text(sparkline(_halved(value["trend"]) if narrow else value["trend"]), "cyan"),
            )


def value_text(kpi: Mapping[str, Any], value: float | None) -> Text:
    """A value of a KPI; in colour when it is worse than its limit."""
    return Text(amount(value, kpi["unit"]), "bold yellow" if beyond(kpi, value) else "bold")


def _halved(values: Sequence[float | None]) -> list[float | None]:
    """Half as many values: the mean of each two."""
    pairs = zip(values[::2], values[1::2], strict=False)
    known = ([value for value in pair if value is not None] for pair in pairs)
    return [sum(pair) / len(pair) if pair else None for pair in known]


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


def process_table(processes: Iterable[Mapping[str, Any]], width: int) -> Table:
    """One row per process, and below it one per objective."""
    burns = (f"{t('burn')} {BURNS[0]}", *BURNS[1:])
    headings = (t("process"), t("target"), t("budget left"), *burns, t("worth an hour"))
    rows: list[list[Text]] = []
    for process in processes:
        worth = amount(process["value"], process["unit"]) if process["value"] is not None else ""
        name = Text(title(process["title"], process["name"]), "bold")
        rows.append([name, *(Text() for _ in headings[2:]), Text(worth, "bold")])
        for objective in process["objectives"]:
            rows.append(
                [
                    Text(f"  {title(objective['title'], objective['name'])}"),
                    Text(amount(objective["target"] * 100, "%")),
                    budget(objective["budget"]),
                    *(burn(objective["burn"].get(window), objective["target"]) for window in BURNS),
                    Text(),
                ]
            )
    return _fitted(headings, rows, width, flexible=0, left=(0,))


def budget(left: float | None) -> Text:
    """The share of an error budget that is left."""
    if left is None:
        return Text(NOTHING, "dim")
    return Text(amount(left * 100, "%"), "red" if left <= 0 else "yellow" if left < 0.25 else "green")


def burn(rate: float | None, target: float) -> Text:
    """How many times too fast the budget of an objective with this target is spent."""
    if rate is None:
        return Text(NOTHING, "dim")
    return Text(
        f"{rate:.1f}×",
        "red" if rate >= reachable(FAST_BURN, target) else "yellow" if rate > BURN_SLOW else "",
    )
