"""What commands on backups read in their own process, and how they end on what is wrong.

Neither the control loop nor the database need run: the places themselves are read.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from nexus.cli import place
from nexus.cli.language import t

if TYPE_CHECKING:
    from nexus.control.recovering.desk import Desk
    from nexus.control.recovering.facts import RecoveryFacts
    from nexus.control.recovering.runs import Run, Runs
    from nexus.recovery.backups.manifest import BackupManifest
    from nexus.recovery.repository import Repository

BAD_INPUT = 2
T = TypeVar("T")


@contextmanager
def refusing() -> Iterator[None]:
    """Ends the command with one sentence and exit code 2 where places or keys cannot be used."""
    from nexus.recovery.errors import RecoveryError

    try:
        yield
    except RecoveryError as error:
        raise place.stop(str(error), BAD_INPUT) from error


def desk() -> Desk:
    """The stack's recovery, read in this process."""
    from nexus.control.recovering.desk import Desk
    from nexus.runtimes.home import Home

    found = Desk.outside(Home.at(place.home_path()), place.root())
    if not found.has_database:
        raise place.stop(t("this stack has no database: there is nothing to back up"), BAD_INPUT)
    return found


@contextmanager
def notes(known: Desk) -> Iterator[Runs]:
    """What was done so far; a home that is not there is not made."""
    from nexus.control.recovering.runs import Runs

    if not known.home.database.exists():
        raise place.stop(t("this stack has no database yet; start it with `nexus up`"), BAD_INPUT)
    with closing(Runs(known.home.database)) as found:
        found.settle()
        yield found


def facts() -> RecoveryFacts:
    """All that is known now; every place is asked."""
    from nexus.control.recovering.looking import Looker

    known = desk()
    with notes(known) as found:
        return read(known, lambda repository: Looker(known, found).facts(repository))


def read(known: Desk, question: Callable[[Repository], Awaitable[T]]) -> T:
    """The answer to a question to what is stored."""

    async def ask() -> T:
        async with known.repository() as repository:
            return await question(repository)

    with refusing():
        return asyncio.run(ask())


def runs() -> tuple[Desk, tuple[Run, ...]]:
    """The newest runs, newest first."""
    from nexus.control.recovering.looking import WHATS

    known = desk()
    with notes(known) as found:
        return known, found.latest(*WHATS, count=20)


def chosen(found: RecoveryFacts, names: Sequence[str]) -> tuple[BackupManifest, ...]:
    """The backups of these names; a part of a name that is one's alone will do."""
    known = {each.id: each for each in found.all_backups}
    picked = []
    for name in names:
        matches = [known[name]] if name in known else [each for id, each in known.items() if name in id]
        if name in found.unreadable:
            raise place.stop(
                t("backup {id} cannot be read: {why}", id=name, why=found.unreadable[name]), BAD_INPUT
            )
        if len(matches) != 1:
            there = ", ".join(known) or t("none")
            text = "there is no backup {id}; there are: {known}"
            if matches:
                text, there = "{id} names several backups: {known}", ", ".join(each.id for each in matches)
            raise place.stop(t(text, id=name, known=there), BAD_INPUT)
        picked.append(matches[0])
    return tuple(picked)


def print_json(value: Any) -> None:
    """The stable form of a command's answer."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2, default=str))
