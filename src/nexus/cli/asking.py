"""Asking telemetry from a command: what cannot be answered ends it with one sentence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from nexus.cli import place
from nexus.cli.language import t
from nexus.control.client import ControlError
from nexus.control.questions import Questions, questions
from nexus.runtimes.home import Home

Parameters = Mapping[str, str | list[str] | None]


@contextmanager
def asking() -> Iterator[Questions]:
    """Whoever can be asked; ends the command when nothing was collected, or when a question is refused."""
    try:
        with questions(Home.at(place.home_path()), place.root()) as found:
            if found is None:
                raise place.stop(
                    t("nothing was collected yet; telemetry starts with the stack: `nexus up`"), 2
                )
            yield found
    except ControlError as error:
        raise place.stop(told(error), error.exit_code) from error


def told(error: ControlError) -> str:
    """A refusal in the operator's language."""
    return t(error.text, **error.values)


def ask(path: str, parameters: Parameters | None = None) -> Any:
    """One answer."""
    with asking() as found:
        return found.ask(path, parameters or {})
