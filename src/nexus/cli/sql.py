"""`nexus sql`."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import typer

from nexus.cli import place
from nexus.cli.language import t

Statement = Annotated[
    str, typer.Argument(help="One SELECT over logs, spans, metrics, health, business and drops.")
]
Limit = Annotated[int, typer.Option("--limit", min=1, max=100_000, help="How many rows at most.")]
Csv = Annotated[bool, typer.Option("--csv", help="Print CSV with a heading.")]
Json = Annotated[bool, typer.Option("--json", help="Print the stable JSON form.")]

WIDEST = 60  # characters of a cell


def sql(statement: Statement, limit: Limit = 1000, as_csv: Csv = False, as_json: Json = False) -> None:
    """Ask telemetry in SQL (DuckDB's), read-only."""
    from nexus.cli.asking import ask

    if as_csv and as_json:
        raise place.stop(t("--csv and --json exclude each other"), 2)
    found = ask("/sql", {"text": statement, "limit": str(limit)})
    if as_json:
        rows = [dict(zip(found["columns"], row, strict=True)) for row in found["rows"]]
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=2))
    elif as_csv:
        import csv

        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(found["columns"])
        writer.writerows([_cell(value) for value in row] for row in found["rows"])
    else:
        _table(found)
    if found["full"]:
        note = t("only the first {count} rows are shown; --limit shows more", count=len(found["rows"]))
        typer.echo(t("nexus: {message}", message=note), err=True)


def _table(found: dict[str, Any]) -> None:
    from nexus.cli.paint import harmless

    rows = [[_short(harmless(_cell(value))) for value in row] for row in found["rows"]]
    widths = [max(map(len, column)) for column in zip(found["columns"], *rows, strict=True)]
    right = [
        any(isinstance(row[index], int | float) for row in found["rows"]) for index in range(len(widths))
    ]
    for line in (found["columns"], ["-" * width for width in widths], *rows):
        cells = [
            f"{cell:>{width}}" if number else f"{cell:<{width}}"
            for cell, width, number in zip(line, widths, right, strict=True)
        ]
        typer.echo("  ".join(cells).rstrip())
    typer.echo(t("{count} rows", count=len(rows)))


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _short(text: str) -> str:
    line = text.replace("\n", "⏎")
    return line if len(line) <= WIDEST else line[: WIDEST - 1] + "…"
