"""`nexus images`."""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nexus.cli import place
from nexus.cli.language import t

if TYPE_CHECKING:
    from nexus.images.inventory import Shown
    from nexus.runtimes.containers.engine import Engine
    from nexus.stack import Stack

Sbom = Annotated[str, typer.Option("--sbom", metavar="MODULE", help="Print a bill of materials (CycloneDX).")]
Output = Annotated[Path | None, typer.Option("--output", "-o", help="Write the bill of materials here.")]
Prune = Annotated[bool, typer.Option("--prune", help="Remove old images that no container uses.")]
Keep = Annotated[int, typer.Option("--keep", min=1, help="With --prune: how many stay of each brick.")]
Registry = Annotated[str, typer.Option("--registry", help="HOST[:PORT] that the images' names begin with.")]
Json = Annotated[bool, typer.Option("--json", help="Print the stable JSON form.")]


def images(
    sbom: Sbom = "",
    output: Output = None,
    prune: Prune = False,
    keep: Keep = 3,
    registry: Registry = "",
    as_json: Json = False,
) -> None:
    """Show the bricks' images; print what one is made of; remove old ones."""
    from nexus.runtimes.containers.engine import Engine, EngineError
    from nexus.stack import load_stack

    stack = load_stack(place.root())
    try:
        if sbom:
            asyncio.run(_sbom(Engine(), stack, sbom, registry, output))
        elif prune:
            asyncio.run(_prune(Engine(), stack, keep, as_json))
        else:
            asyncio.run(_show(Engine(), stack, registry, as_json))
    except EngineError as error:
        raise place.stop(str(error), 2) from error


async def _show(engine: Engine, stack: Stack, registry: str, as_json: bool) -> None:
    from nexus.images.inventory import shown

    rows = await shown(engine, stack, registry)
    if as_json:
        typer.echo(json.dumps({"images": [_row(row) for row in rows]}, ensure_ascii=False, indent=2))
    else:
        _print(rows)


async def _sbom(engine: Engine, stack: Stack, name: str, registry: str, output: Path | None) -> None:
    from nexus.images import image_of
    from nexus.images.presence import in_engine
    from nexus.images.sbom import sbom

    try:
        reference = image_of(stack, stack.service(name), registry)
    except KeyError as error:
        raise place.stop(str(error.args[0]), 2) from error
    if str(reference) not in await in_engine(engine):
        raise place.stop(
            t("{image} is not built; build it with `nexus build {name}`", image=reference, name=name), 2
        )
    text = await sbom(engine, reference)
    if output is None:
        typer.echo(text, nl=False)
        return
    try:
        output.write_text(text)
    except OSError as error:
        raise place.stop(
            t("{path} cannot be written: {reason}", path=output, reason=error.strerror), 2
        ) from error


async def _prune(engine: Engine, stack: Stack, keep: int, as_json: bool) -> None:
    from nexus.images.pruning import prune

    gone = await prune(engine, stack, keep)
    if as_json:
        rows = [{"service": e.service, "image": ", ".join(e.names) or e.identity} for e in gone]
        typer.echo(json.dumps({"removed": rows}, ensure_ascii=False, indent=2))
        return
    for each in gone:
        typer.echo(t("removed: {image}", image=", ".join(each.names) or each.identity))
    typer.echo(t("{count} images removed", count=len(gone)))


def _row(row: Shown) -> dict[str, Any]:
    image = row.stored
    return {
        "service": row.service,
        "image": row.image,
        "built": image is not None,
        "size": image.size if image else None,
        "above_base": row.above_base,
        "layers": len(image.layers) if image else None,
        "shared_layers": row.shared_layers if image else None,
        "created": image.created.isoformat() if image else None,
    }


def _print(rows: tuple[Shown, ...]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("service", "image", "size", "above its base", "shared layers", "age"):
        table.add_column(t(column), no_wrap=True)
    for row in rows:
        image = row.stored
        if image is None:
            table.add_row(row.service, row.image, f"[yellow]{t('not built')}[/]")
            continue
        above = "" if row.above_base is None else f"{row.above_base / 1e6:.1f} MB"
        shared = f"{row.shared_layers}/{len(image.layers)}"
        size = f"{image.size / 1e6:.1f} MB"
        table.add_row(row.service, row.image, size, above, shared, _age(image.created))
    Console(highlight=False, width=None if sys.stdout.isatty() else 200).print(table)


def _age(created: datetime) -> str:
    minutes = int((datetime.now(UTC) - created).total_seconds() // 60)
    if minutes < 60:
        return t("{count} min", count=minutes)
    return t("{count} h", count=minutes // 60) if minutes < 2880 else t("{count} d", count=minutes // 1440)
