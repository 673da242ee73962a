"""`nexus doctor`."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from nexus.cli import place
from nexus.cli.language import t

Json = Annotated[bool, typer.Option("--json", help="Print the stable JSON form.")]
COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


def doctor(as_json: Json = False) -> None:
    """Check this machine and name the mend of what is wrong; exit code 1 when something must be mended."""
    from dataclasses import asdict

    from nexus.control.doctor import examine
    from nexus.runtimes.home import Home

    findings = examine(Home.at(place.home_path()), place.root())
    failed = any(finding.state == "fail" for finding in findings)
    if as_json:
        found = {"ok": not failed, "findings": [asdict(finding) for finding in findings]}
        typer.echo(json.dumps(found, ensure_ascii=False, indent=2))
        raise typer.Exit(1 if failed else 0)
    width = max(len(finding.name) for finding in findings)
    for finding in findings:
        mark = typer.style(f"{t(finding.state):<5}", fg=COLOURS[finding.state])
        typer.echo(f"{mark} {finding.name:<{width}}  {finding.found}")
        if finding.mend:
            typer.echo(f"{'':>6}{'':<{width}}  " + t("mend: {mend}", mend=finding.mend))
    raise typer.Exit(1 if failed else 0)
