"""`nexus test`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import typer

CHECKOUT = Path(__file__).parents[3]


def test(context: typer.Context) -> None:
    """Run the tests; all arguments are pytest's."""
    os.chdir(CHECKOUT)
    os.execv(sys.executable, [sys.executable, "-m", "pytest", *context.args])
