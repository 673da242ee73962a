"""`nexus test`."""

from __future__ import annotations

import os
import sys

import typer

from nexus.cli import place


def test(context: typer.Context) -> None:
    """Run the tests; all arguments are pytest's."""
    os.chdir(place.root())
    os.execv(sys.executable, [sys.executable, "-m", "pytest", *context.args])
