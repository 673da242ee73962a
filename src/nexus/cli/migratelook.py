"""`nexus migrate plan`, `status`, `drift` and `map`: what only reads, in the command's own process."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from nexus.cli import place
from nexus.cli.language import language, t

To = Annotated[
    list[str] | None,
    typer.Option("--to", metavar="MODULE=NAME", help="Of a module, plan no further than this migration."),
]
Json = Annotated[bool, typer.Option("--json", help="Print the stable JSON form.")]
Modules = Annotated[list[str] | None, typer.Argument(help="Only these modules.")]
Write = Annotated[Path | None, typer.Option("--write", metavar="FILE", help="Write it to this file.")]
Check = Annotated[
    Path | None,
    typer.Option("--check", metavar="FILE", help="Exit code 1 when this file says something else."),
]


def plan(to: To = None, as_json: Json = False) -> None:
    """Show what would be applied over all modules: the order and why, locks, times, and what must be first.

    Exit code 2 when something stands in the way.
    """
    from nexus.cli.migrateplace import BAD_INPUT, desk, pairs, print_json

    wanted = pairs(to or [])
    with desk(as_json) as known:
        found = asyncio.run(known.plan(wanted))
    if as_json:
        print_json(found.as_dict())
    else:
        typer.echo(found.text(t))
    raise typer.Exit(BAD_INPUT if found.refusals else 0)


def status(as_json: Json = False) -> None:
    """Show what is applied and pending in every module, and what stands in the way (exit code 1)."""
    from nexus.cli.migrateplace import desk, print_json
    from nexus.cli.migratetable import show
    from nexus.control.migrating.standing import standing

    with desk(as_json) as known:
        found = asyncio.run(standing(known))
    ok = all(each.ok for each in found)
    if as_json:
        print_json({"ok": ok, "modules": [each.as_dict() for each in found]})
    else:
        show(found)
    raise typer.Exit(0 if ok else 1)


def drift(modules: Modules = None, as_json: Json = False) -> None:
    """Compare the living schemas with what the applied migrations make; exit code 1 when they differ.

    Prints the exact SQL that brings a schema back to what its migrations say.
    """
    from nexus.cli import migratedrift
    from nexus.cli.migrateplace import desk, print_json

    with desk(as_json) as known:
        only = [known.source(each).module for each in modules or ()]
        found = asyncio.run(migratedrift.seen(known, only))
    if as_json:
        print_json(found.as_dict())
    else:
        migratedrift.show(found)
    raise typer.Exit(0 if found.ok else 1)


def map_(write: Write = None, check: Check = None) -> None:
    """Draw all tables, their owners and who reads whom, as Markdown with Mermaid diagrams."""
    text = _drawn()
    if check is not None:
        _check(check, text)
    if write is not None:
        try:
            write.write_text(text, encoding="utf-8")
        except OSError as error:
            raise place.stop(
                t("{path} cannot be written: {reason}", path=write, reason=error.strerror), 2
            ) from error
        typer.echo(t("written: {path}", path=write))
    elif check is None:
        typer.echo(text, nl=False)


def _drawn() -> str:
    from nexus.cli.migrateplace import desk
    from nexus.migrations import shape
    from nexus.migrations.readers import readers_of

    with desk() as known:

        async def living() -> shape.Shape:
            async with known.connected() as connection:
                return await shape.read_shape(connection, known.schemas)

        events = shape.events_of(known.stack)
        return shape.draw(asyncio.run(living()), known.sources, readers_of(known.stack), language(), events)


def _check(file: Path, text: str) -> None:
    try:
        same = file.read_text(encoding="utf-8") == text
    except FileNotFoundError:
        raise place.stop(t("{path}: is missing", path=file), 1) from None
    except OSError as error:
        raise place.stop(
            t("{file} cannot be read ({reason})", file=file, reason=error.strerror), 2
        ) from error
    except UnicodeError as error:
        raise place.stop(t("{file} cannot be read ({reason})", file=file, reason="UTF-8?"), 2) from error
    if not same:
        raise place.stop(t("{path}: is not what the database says; `--write` renews it", path=file), 1)
    typer.echo(t("{path}: is what the database says", path=file))
