"""`nexus contracts`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nexus.cli import place
from nexus.cli.language import t

if TYPE_CHECKING:
    from nexus.releases.contracts import Findings

Words = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[check] [MODULE]...", help="`check` compares with what runs; of these modules only."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print the stable JSON form.")]


def contracts(words: Words = None, as_json: Json = False) -> None:
    """Show who relies on what of whom; with `check`, what the working tree would break of what runs."""
    from nexus.releases.contracts import ContractError
    from nexus.stack import ManifestError

    asked = list(words or ())
    checks = asked[:1] == ["check"]
    try:
        if checks:
            bricks = _chosen(asked[1:])
            _check({name: bricks[name] for name in asked[1:]} or bricks, as_json)
        else:
            _show(_chosen(asked), asked, as_json)
    except (ContractError, ManifestError) as error:
        raise place.stop(str(error), 2) from error


def _chosen(names: list[str]) -> dict[str, Path]:
    """The stack's bricks; raises when one of `names` is none."""
    from nexus.releases.contracts.tree import bricks_of
    from nexus.stack import load_stack

    bricks = bricks_of(load_stack(place.root()))
    for name in names:
        if name not in bricks:
            known = ", ".join(sorted(bricks))
            raise place.stop(t("there is no module {name!r}; there are: {known}", name=name, known=known), 2)
    return bricks


def _show(bricks: dict[str, Path], providers: list[str], as_json: bool) -> None:
    from rich.table import Table

    from nexus.cli.tables import console
    from nexus.releases.contracts.tree import reliances

    rows = reliances(bricks, providers)
    if as_json:
        return _print_json({"reliances": [row.as_dict() for row in rows]})
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("provider", "operation or event", "consumers", "fields"):
        table.add_column(t(column), overflow="fold")
    last = ""
    for row in rows:
        what = t("everything: nothing is declared") if row.what == "*" else row.what
        table.add_row(
            row.provider if row.provider != last else "", what, ", ".join(row.consumers), str(row.fields)
        )
        last = row.provider
    console().print(table)
    return None


def _check(bricks: dict[str, Path], as_json: bool) -> None:
    from nexus.releases.contracts.tree import check, stable_folders
    from nexus.runtimes.home import Home

    stable = stable_folders(Home.at(place.home_path()))
    found = check(bricks, stable)
    if as_json:
        _print_json({**found.as_dict(), "released": bool(stable)})
    else:
        _tell(found, bool(stable))
    raise typer.Exit(1 if found.breaks else 0)


def _tell(found: Findings, released: bool) -> None:
    for note in found.notes:
        typer.echo(typer.style("note  ", dim=True) + note)
    for each in found.warnings:
        typer.echo(typer.style("warn  ", fg="yellow") + each.sentence)
    for each in found.breaks:
        typer.echo(typer.style("BREAK ", fg="red") + each.sentence)
    against = t("what runs") if released else t("the working tree itself (nothing runs)")
    if found.breaks:
        typer.echo(
            t(
                "uses that would break: {count}; compared with {against}",
                count=len(found.breaks),
                against=against,
            )
        )
    else:
        typer.echo(t("nobody's use would break; compared with {against}", against=against))


def _print_json(value: dict[str, Any]) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2))
