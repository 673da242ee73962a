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
    from nexus.control.addresses import Refused
    from nexus.control.migrating.desk import Desk
    from nexus.migrations.errors import MigrationError

BAD_INPUT = 2


@contextmanager
def desk(as_json: bool = False) -> Iterator[Desk]:
    """The stack's migrations, read in this process; ends the command with one sentence on what is wrong, and
    with `as_json` with an object that holds it, too.
    """
    from nexus.control.migrating.desk import Desk
    from nexus.runtimes.home import Home

    with refusing(as_json):
        yield Desk.outside(Home.at(place.home_path()), place.root())


@contextmanager
def refusing(as_json: bool = False) -> Iterator[None]:
    """Ends the command with one sentence and exit code 2 where the database cannot be asked, or a migration
    cannot be read.
    """
    from nexus.control.addresses import Refused
    from nexus.control.migrating.desk import Unanswered
    from nexus.migrations.errors import MigrationError

    try:
        yield
    except Unanswered as error:
        raise _ended(t(error.text, **error.values), error, as_json) from error
    except Refused as error:
        raise _ended(str(error), error, as_json) from error
    except MigrationError as error:
        raise _ended(coded(str(error), error.code), error, as_json) from error


def _ended(sentence: str, error: Refused | MigrationError, as_json: bool) -> typer.Exit:
    if as_json:
        print_json({"ok": False, "refused": str(error), "code": error.code})
    return place.stop(sentence, BAD_INPUT)


def waiting(count: int) -> str:
    """What to add where migrations wait for a release; "" where none does."""
    if not count:
        return ""
    waits = t("1 waits for a release") if count == 1 else t("{count} wait for a release", count=count)
    return t("; {waits} (see `nexus migrate plan`)", waits=waits)


def coded(sentence: str, code: str) -> str:
    """A sentence with the code that Prisma has for it, where it has one. Pure."""
    return f"{sentence} [{code}]" if code else sentence


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
