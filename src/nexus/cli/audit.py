"""`nexus audit`."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nexus.cli import place
from nexus.cli.language import language, t

if TYPE_CHECKING:
    from nexus.audit import Report

COLOURS = {"critical": "magenta", "high": "red", "medium": "yellow", "low": "cyan", "info": "bright_black"}


class Level(StrEnum):
    """Severities, worst first."""

    critical = "critical"
    high = "high"
    medium = "medium"
    low = "low"
    info = "info"


class Form(StrEnum):
    """How a report is printed."""

    text = "text"
    json = "json"
    sarif = "sarif"


Root = Annotated[Path, typer.Argument(help="The project's folder.", show_default="here")]
Json = Annotated[bool, typer.Option("--json", help="Print the stable JSON form; the same as --format json.")]
FailOn = Annotated[Level, typer.Option("--fail-on", help="The mildest severity that ends with exit code 1.")]
Format = Annotated[Form, typer.Option("--format", help="How to print.")]


def audit(
    path: Root = Path("."),
    as_json: Json = False,
    fail_on: FailOn = Level.high,
    form: Format = Form.text,
) -> None:
    """Read a Compose project and tell what will hurt in production; exit code 1 from --fail-on upwards."""
    from nexus.audit import AuditError, Severity, as_sarif
    from nexus.audit import as_json as json_form
    from nexus.audit import audit as examine

    try:
        report = examine(path)
    except AuditError as error:
        raise place.stop(str(error), 2) from error
    if as_json or form is Form.json:
        typer.echo(json.dumps(json_form(report, language()), ensure_ascii=False, indent=2))
    elif form is Form.sarif:
        typer.echo(json.dumps(as_sarif(report, language()), ensure_ascii=False, indent=2))
    else:
        _print(report)
    for fault in report.unreadable:
        typer.echo(t("nexus: {message}", message=fault), err=True)
    raise typer.Exit(2 if report.unreadable else 1 if report.reaches(Severity.named(fail_on)) else 0)


def _print(report: Report) -> None:
    for word, colour in COLOURS.items():
        findings = [each for each in report.findings if each.severity.word == word]
        if not findings:
            continue
        typer.secho(f"{t(word).upper()} ({len(findings)})", fg=colour, bold=True)
        for each in findings:
            where = report.root / each.file
            typer.echo(f"  {where}:{each.line}  {each.title(language())} [{each.rule.id}]")
            typer.echo(f"      {each.why(language())}")
            typer.echo("      " + t("mend: {mend}", mend=each.mend(language())))
        typer.echo()
    counts = ", ".join(
        f"{number} {t(word)}"
        for word in COLOURS
        if (number := sum(each.severity.word == word for each in report.findings))
    )
    count, files = len(report.findings), report.files
    if counts:
        typer.echo(t("{count} findings in {files} files: {counts}", count=count, files=files, counts=counts))
    else:
        typer.echo(t("no findings in {files} files", files=files))
    if report.suppressed:
        typer.echo(t("{count} more are ignored, each with a reason", count=report.suppressed))
