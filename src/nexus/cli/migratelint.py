"""`nexus migrate lint`."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nexus.cli import place
from nexus.cli.language import language, t

if TYPE_CHECKING:
    from nexus.control.migrating.desk import Desk
    from nexus.migrations.effects.effect import Living
    from nexus.migrations.migration import Migration, Source

    Files = list[tuple[Source | None, Migration]]

Paths = Annotated[
    list[Path] | None,
    typer.Argument(help="Files, folders of migrations, or modules; default: what is pending, else all."),
]
All = Annotated[bool, typer.Option("--all", help="Also what is applied, and what was set aside, with why.")]
Json = Annotated[bool, typer.Option("--json", help="Print the stable JSON form.")]


def lint(paths: Paths = None, everything: All = False, as_json: Json = False) -> None:
    """Tell what of migrations will hurt, weighed by the living tables, each with the safe SQL.

    Exit code 1 when a finding is an error. It works without a database too.
    """
    from nexus.cli.migrateplace import desk, print_json
    from nexus.migrations.linting import lint as find
    from nexus.migrations.linting import text
    from nexus.migrations.readers import readers_of

    with desk() as known:
        files, living = asyncio.run(_material(known, paths or [], everything))
        found = find(
            files,
            living,
            readers_of(known.stack),
            aside=everything,
            rates=known.rates(),
            language="en" if as_json else language(),
        )
    if as_json:
        print_json(
            {"living": living is not None, "files": len(files), "findings": [f.as_dict() for f in found]}
        )
    else:
        if living is None:
            typer.echo(t("no database answers: sizes of tables are not known"), err=True)
        typer.echo(text.text([replace(each, file=_shown(each.file)) for each in found], language()))
    raise typer.Exit(1 if any(each.level == "error" for each in found) else 0)


async def _material(desk: Desk, paths: list[Path], everything: bool) -> tuple[Files, Living | None]:
    """What is to be judged, and the living tables where a database answers."""
    from nexus.control.migrating.desk import Unanswered

    try:
        living = await desk.living()
        histories = await desk.histories()
    except Unanswered:
        living, histories = None, {}
    if paths:
        return [each for path in paths for each in _named(desk, path)], living
    files: Files = []
    for source in desk.sources:
        history = None if everything else histories.get(source.module)
        known = _all_of(source) if history is None else history.pending
        files += [(source, each) for each in known]
    return files, living


def _shown(file: str) -> str:
    """A file as it is shortest to write here."""
    return str(Path(file).relative_to(Path.cwd())) if Path(file).is_relative_to(Path.cwd()) else file


def _all_of(source: Source) -> tuple[Migration, ...]:
    from nexus.migrations.reading import read

    return read(source)


def _named(desk: Desk, path: Path) -> Files:
    """The migrations of a module, of a folder, or one file."""
    from nexus.migrations.reading.file import read_file

    for source in desk.sources:
        if str(path) == source.module:
            return [(source, each) for each in _all_of(source)]
    here = path.resolve()
    if not here.exists():
        raise place.stop(t("{path} is no file, no folder and no module", path=path), 2)
    scripts = sorted(here.rglob("*.sql")) if here.is_dir() else [here]
    return [(_owner(desk, script), read_file(_name(script), script)) for script in scripts]


def _name(script: Path) -> str:
    return script.parent.name if script.name == "migration.sql" else script.stem


def _owner(desk: Desk, script: Path) -> Source | None:
    return next((each for each in desk.sources if script.is_relative_to(each.folder.resolve())), None)
