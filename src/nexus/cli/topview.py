"""The live picture of a stack: its processes, its services and its KPIs on one screen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from nexus.cli import times
from nexus.cli.amounts import amount, number, size
from nexus.cli.figures import beyond, budget, burn, kpi_table, labels_text, process_table, value_text
from nexus.cli.language import t, title
from nexus.cli.tables import COLOURS

VIEWS = {"1": "all", "2": "processes", "3": "services", "4": "KPIs"}
SORTS = ("name", "rate", "errors", "p95_ms", "cpu", "memory")
HEADINGS = {"name": "service", "p95_ms": "p95"}


class Picture:
    """What was told last, and how its reader wants to see it."""

    def __init__(self, told: dict[str, Any]) -> None:
        self.told = told
        self.view = "1"
        self.sort = SORTS[0]
        self._above = 0  # KPIs that are scrolled out of sight

    def press(self, key: str) -> None:
        """Another view, another order of the services, or further KPIs."""
        if key in VIEWS:
            self.view = key
        elif key in ("j", "k"):
            further = self._above + (1 if key == "j" else -1)
            self._above = min(max(0, further), max(0, len(self.told["kpis"]) - 1))
        elif key == "s":
            self.sort = SORTS[(SORTS.index(self.sort) + 1) % len(SORTS)]

    def draw(self, width: int, height: int | None) -> RenderableType:
        """The picture for a screen of so many columns and lines (None: as many as needed)."""
        parts: list[RenderableType] = [self._heading(width), *self._recovery(width)]
        if self.view == "2":
            parts.append(process_table(self.told["processes"], width))
        elif self.view == "4":
            parts.append(kpi_table(self.told["kpis"][self._above :], "1h", width))
        else:
            services = self._services()
            if self.view == "1" and self.told["processes"]:
                parts += [self._processes(), ""]
            parts.append(services)
            used = 4 + len(self._recovery(width)) + len(self.told["processes"]) + services.row_count
            if self.view == "1" and self.told["kpis"]:
                parts += ["", self._kpis(width, None if height is None else height - used - 2)]
        return Group(*parts)

    def _heading(self, width: int) -> Text:
        status, store = self.told["status"], self.told["telemetry"]
        colour = "green" if status["ready"] else "yellow"
        lost = sum(sum(reasons.values()) for reasons in store["drops"].values())
        parts = [
            (f"{status['stack']} ", "bold"),
            (t("ready") if status["ready"] else t("not ready"), colour),
            (f"  {times.local(times.read(self.told['at']))}", "dim"),
        ]
        if lost:
            parts.append((f"  {t('lost: {what}', what=number(lost, 0))}", "yellow"))
        keys = " ".join(f"{key} {t(name)}" for key, name in VIEWS.items())
        parts.append((f"  {keys} s {t('sort')}:{t(HEADINGS.get(self.sort, self.sort))} q", "dim"))
        line = Text.assemble(*parts)
        line.truncate(width, overflow="ellipsis")
        return line

    def _recovery(self, width: int) -> list[Text]:
        """What a disaster would cost, where the control loop keeps backups."""
        told = self.told["status"].get("recovery")
        if not told:
            return []
        line = Text(t(told["text"], **told["values"]), style="dim" if told["ok"] else "yellow")
        line.truncate(width, overflow="ellipsis")
        return [line]

    def _processes(self) -> Table:
        """One line a process: its worst objective."""
        table = _table()
        table.add_column(t("process"), no_wrap=True, overflow="ellipsis", ratio=1)
        for column in (t("budget left"), t("burn 1 h"), t("burn 6 h"), t("worth an hour"), t("at risk")):
            table.add_column(column, no_wrap=True, justify="right")
        for process in self.told["processes"]:
            told = process["objectives"]
            left = [each["budget"] for each in told if each["budget"] is not None]
            table.add_row(
                escape(title(process["title"], process["name"])),
                budget(min(left, default=None)),
                _worst(told, "1h"),
                _worst(told, "6h"),
                amount(process["value"], process["unit"]) if process["value"] is not None else "",
                _at_risk(process),
            )
        return table

    def _services(self) -> Table:
        table = _table()
        table.add_column(t("service"), no_wrap=True, overflow="ellipsis", ratio=1)
        table.add_column(t("state"), no_wrap=True)
        for column in ("n", "req/s", t("errors"), "p95", "CPU", t("memory"), t("waiting"), t("log errors")):
            table.add_column(column, no_wrap=True, justify="right")
        told = self.told["services"]
        services = list(self.told["status"]["services"])
        if self.sort != "name":
            services.sort(key=lambda each: -(told.get(each["name"], {}).get(self.sort) or 0))
        for service in services:
            table.add_row(*_service_row(service, told.get(service["name"], {})))
        return table

    def _kpis(self, width: int, room: int | None) -> RenderableType:
        """Values only, in as many columns as fit; when there is little room, those beyond limits first."""
        cells = [
            (beyond(kpi, value["value"]), kpi, value)
            for kpi in self.told["kpis"]
            for value in _telling(kpi["values"])
        ]
        columns = max(1, min(4, width // 40))
        rows = -(-len(cells) // columns)
        if room is not None and rows > room:
            rows = max(1, room)
            cells.sort(key=lambda cell: not cell[0])
            cells = cells[: rows * columns]
        table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 1, 0, 0), expand=True)
        for _ in range(columns):
            table.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
            table.add_column(no_wrap=True, justify="right")
        texts = [_kpi_cells(kpi, value) for _, kpi, value in cells]
        for row in range(rows):
            chosen = texts[row::rows][:columns]
            table.add_row(*(cell for pair in chosen for cell in pair))
        return table


def _telling(values: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of the values for each label those that are not zero; one zero when all are."""
    telling = [value for value in values if value["value"] or not value["labels"]]
    return telling or [{**value, "labels": {}} for value in values[:1]]


def _kpi_cells(kpi: Mapping[str, Any], value: Mapping[str, Any]) -> tuple[Text, Text]:
    name, label = title(kpi["title"], kpi["name"]), labels_text(value["labels"])
    return Text(f"{name}, {label}" if label else name), value_text(kpi, value["value"])


def _at_risk(process: Mapping[str, Any]) -> Text:
    """What an hour of a process loses now; nothing is said while nothing fails."""
    if not process["at_risk"]:
        return Text("")
    return Text(amount(process["at_risk"], process["unit"]), style="red")


def _service_row(service: Mapping[str, Any], told: Mapping[str, Any]) -> tuple[str | Text, ...]:
    state = service["state"]
    ready = sum(instance["state"] == "ready" for instance in service["instances"])
    rate, errors = told.get("rate") or 0.0, told.get("errors") or 0.0
    waiting = (told.get("lag") or 0) + (told.get("backlog") or 0)
    share = errors / rate if rate else 0.0
    p95, cpu, memory, log_errors = (told.get(name) for name in ("p95_ms", "cpu", "memory", "log_errors"))
    return (
        escape(service["name"]),
        Text(t(state), COLOURS[state]),
        str(ready),
        number(rate, 1) if rate else "",
        Text(f"{share:.1%}", "red") if errors else "",
        times.lasting(p95 / 1000) if p95 is not None else "",
        f"{cpu:.0%}" if cpu is not None else "",
        size(memory) if memory is not None else "",
        number(waiting, 0) if waiting else "",
        Text(str(log_errors), "red") if log_errors else "",
    )


def _worst(objectives: list[dict[str, Any]], window: str) -> Text:
    told = [(each["burn"][window], each["target"]) for each in objectives if window in each["burn"]]
    return burn(*max(told, default=(None, 1.0)))


def _table() -> Table:
    return Table(box=None, pad_edge=False, header_style="dim", padding=(0, 1, 0, 0), expand=True)
