"""`nexus migrate lint`."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nexus.cli import place
from nexus.cli.language import language, t

if TYPE_CHECKING:
    from nexus.control.migrating.desk import Desk
    from nexus.migrations.effects.effect import Living
    from nexus.migrations.errors import MigrationError
    from nexus.migrations.linting.finding import Finding
    from nexus.migrations.migration import Migration, Source
    from nexus.migrations.readers import Reader

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
    from nexus.migrations.linting import text
    from nexus.migrations.readers import readers_of

    with desk(as_json) as known:
        material = asyncio.run(_material(known, paths or [], everything))
        options: dict[str, Any] = {
            "aside": everything,
            "rates": known.rates(),
            "language": "en" if as_json else language(),
        }
        found = _findings(material, readers_of(known.stack), options)
    if as_json:
        findings = [each.as_dict() for each in found]
        count = len(material.files) + len(material.faults)
        print_json({"living": material.living is not None, "files": count, "findings": findings})
    else:
        if material.living is None:
            typer.echo(t("no database answers: sizes of tables are not known"), err=True)
        typer.echo(text.text([replace(each, file=_shown(each.file)) for each in found], language()))
    raise typer.Exit(1 if any(each.level == "error" for each in found) else 0)


@dataclass
class _Material:
    """What is to be judged, what of it cannot be read, and the living tables where a database answers."""

    files: Files
    living: Living | None = None
    faults: list[MigrationError] = field(default_factory=list)


async def _material(desk: Desk, paths: list[Path], everything: bool) -> _Material:
    from nexus.control.migrating.desk import Unanswered
    from nexus.control.migrating.readable import Readable

    material = _Material([])
    try:
        material.living = await desk.living()
        read = Readable() if everything or paths else await desk.readable()
    except Unanswered:
        read = Readable()
    material.faults += read.faults.values()
    for path in paths:
        material.files += _named(desk, path, material.faults)
    for source in desk.sources if not paths else ():
        if source.module in read.histories:
            wrong = {name.partition("/")[2] for name in read.faults if name.startswith(f"{source.module}/")}
            pending = read.histories[source.module].pending
            material.files += [(source, each) for each in pending if each.name not in wrong]
        elif source.module not in read.faults:
            material.files += _all_of(source, material.faults)
    return material


def _findings(material: _Material, readers: Sequence[Reader], options: dict[str, Any]) -> list[Finding]:
    """What lint finds, and a finding for each file that cannot be read: it hides nothing of the others."""
    from nexus.migrations.errors import MigrationUnreadable
    from nexus.migrations.linting import lint as find

    while True:
        try:
            found = list(find(material.files, material.living, readers, **options))
            break
        except MigrationUnreadable as error:
            left = [each for each in material.files if not str(error).startswith(f"{each[1].file}:")]
            if len(left) == len(material.files):
                raise
            material.files = left
            material.faults.append(error)
    return [*map(_unreadable, material.faults), *found]


def _unreadable(error: MigrationError) -> Finding:
    """The fault as a finding; its message begins with the file, and mostly the line."""
    from nexus.migrations.linting.finding import Finding

    told = re.fullmatch(r"(?P<file>[^:]+):(?:(?P<line>\d+):)? *(?P<what>.*)", str(error), re.DOTALL)
    if told is None:
        return Finding("unreadable", "error", "", 0, str(error))
    return Finding("unreadable", "error", told["file"], int(told["line"] or 1), told["what"])


def _shown(file: str) -> str:
    """A file as it is shortest to write here."""
    return str(Path(file).relative_to(Path.cwd())) if Path(file).is_relative_to(Path.cwd()) else file


def _all_of(source: Source, faults: list[MigrationError]) -> Files:
    from nexus.migrations.errors import MigrationUnreadable
    from nexus.migrations.reading import read

    try:
        return [(source, each) for each in read(source)]
    except MigrationUnreadable as error:
        faults.append(error)
        return []


def _named(desk: Desk, path: Path, faults: list[MigrationError]) -> Files:
    """The migrations of a module, of a folder, or one file."""
    from nexus.migrations.errors import MigrationUnreadable
    from nexus.migrations.reading.file import read_file

    for source in desk.sources:
        if str(path) == source.module:
            return _all_of(source, faults)
    here = path.resolve()
    if not here.exists():
        raise place.stop(t("{path} is no file, no folder and no module", path=path), 2)
    found: Files = []
    for script in sorted(here.rglob("*.sql")) if here.is_dir() else [here]:
        try:
            found.append((_owner(desk, script), read_file(_name(script), script)))
        except MigrationUnreadable as error:
            faults.append(error)
    return found


def _name(script: Path) -> str:
    return script.parent.name if script.name == "migration.sql" else script.stem


def _owner(desk: Desk, script: Path) -> Source | None:
    return next((each for each in desk.sources if script.is_relative_to(each.folder.resolve())), None)
