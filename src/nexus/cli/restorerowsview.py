"""The difference between then and now, for people: counts first, then the first rows of each kind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import typer
from rich.markup import escape
from rich.table import Table

from nexus.cli.language import t
from nexus.cli.tables import console

SHOWN = 10  # rows of each table
WIDEST = 60
COLOURS = {
    "bring back": "green",
    "put back": "cyan",
    "take away": "red",
    "keep": "dim",
    "conflict": "yellow",
}
COUNTS = ("then", "now", "deleted", "changed", "added", "conflicts", "written")


def show(found: Mapping[str, Any]) -> None:
    """All of it."""
    tables = [each for each in found["tables"] if each["deleted"] or each["changed"] or each["added"]]
    if not tables:
        return
    counts = Table("", *(t(name) for name in COUNTS), box=None, pad_edge=False)
    for each in tables:
        counts.add_row(escape(each["table"]), *(str(each[name]) for name in COUNTS))
    console().print(counts)
    for each in tables:
        _rows(each)
    more = sum(each["deleted"] + each["changed"] + each["added"] for each in tables)
    if more > sum(min(len(each["samples"]), SHOWN) for each in tables):
        typer.echo(
            t("all {count} differences, one a line: --json, or {file}", count=more, file=found["rows"])
        )


def _rows(found: Mapping[str, Any]) -> None:
    table = Table(t("row"), t("does"), t("then → now"), t("written"), box=None, pad_edge=False)
    for row in _first(found["samples"]):
        colour = COLOURS[row["does"]]
        table.add_row(
            escape(f"{found['table']} {_values(row['key'])}"),
            f"[{colour}]{t(row['does'])}[/]",
            escape(_difference(row)),
            escape(_written(row)),
        )
    console().print(table)


def _first(samples: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Conflicts before all others: somebody must decide about them."""
    return sorted(samples, key=lambda row: row["does"] != "conflict")[:SHOWN]


def _difference(row: Mapping[str, Any]) -> str:
    then, now = row["then"] or {}, row["now"] or {}
    if row["kind"] == "changed":
        return "; ".join(f"{name}: {_short(then[name])} → {_short(now[name])}" for name in then)
    return _values({name: text for name, text in (then or now).items() if name not in row["key"]})


def _values(values: Mapping[str, str | None]) -> str:
    text = ", ".join(f"{name} {_short(each)}" for name, each in values.items())
    return text if len(text) <= 2 * WIDEST else f"{text[: 2 * WIDEST]}…"


def _short(value: str | None) -> str:
    if value is None:
        return "NULL"
    return value if len(value) <= WIDEST else f"{value[:WIDEST]}…"


def _written(row: Mapping[str, Any]) -> str:
    if row["at"] is None:
        return f"xid {row['xid']}" if row["xid"] else ""
    return f"{datetime.fromtimestamp(row['at'], UTC):%Y-%m-%d %H:%M:%S} UTC, xid {row['xid']}"
