"""What all commands on migrations share: the desk they read from, and how they end on what is wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer

from nexus.cli import place
from nexus.cli.language import t

if TYPE_CHECKING:
    from nexus.control.migrating.desk import Desk

BAD_INPUT = 2


@contextmanager
def desk() -> Iterator[Desk]:
    """The stack's migrations, read in this process; ends the command with one sentence on what is wrong."""
    from nexus.control.migrating.desk import Desk
    from nexus.runtimes.home import Home

    with refusing():
        yield Desk.outside(Home.at(place.home_path()), place.root())


@contextmanager
def refusing() -> Iterator[None]:
    """Ends the command with one sentence and exit code 2 where the database cannot be asked, or a migration
    cannot be read.
    """
    from nexus.control.migrating.desk import Unanswered
    from nexus.migrations.errors import MigrationError

    try:
        yield
    except Unanswered as error:
        raise place.stop(t(error.text, **error.values), BAD_INPUT) from error
    except MigrationError as error:
        raise place.stop(str(error), BAD_INPUT) from error


def pairs(words: list[str]) -> dict[str, str]:
    """`MODULE=NAME` as the command line has them.

    Raises:
        typer.Exit: one is none; said on stderr.
    """
    found = {}
    for word in words:
        module, sign, name = word.partition("=")
        if not (module and sign and name):
            raise place.stop(t("--to {said!r} is no MODULE=NAME", said=word), BAD_INPUT)
        found[module] = name
    return found


def print_json(value: Any) -> None:
    """The stable form of a command's answer."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2, default=str))
