"""Which stack a command is about, and where its state lies."""

from __future__ import annotations

import os
from pathlib import Path

import typer

from nexus.cli.language import t

STACK_FILE = "nexus.yaml"
RESTORED = "stack"  # the folder in a home that a restore made


def root() -> Path:
    """The folder of nexus.yaml: NEXUS_ROOT; that which a restored stack has in its NEXUS_HOME; or the nearest
    one upward from here.
    """
    named = os.environ.get("NEXUS_ROOT")
    if named:
        return Path(named).absolute()
    own = Path(os.environ.get("NEXUS_HOME", "")).absolute() / RESTORED
    if os.environ.get("NEXUS_HOME") and (own / STACK_FILE).is_file():
        return own
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / STACK_FILE).is_file():
            return folder
    return here


def home_path() -> Path:
    """The folder of the stack's state: NEXUS_HOME, or .nexus beside nexus.yaml."""
    named = os.environ.get("NEXUS_HOME")
    return Path(named).absolute() if named else root() / ".nexus"


def user() -> str:
    """The name of who asks."""
    import getpass

    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def who() -> str:
    """Who asks, for the journal and the lease."""
    return f"{user()} (process {os.getpid()})"


def stop(message: str, code: int) -> typer.Exit:
    """Prints a message on stderr; the caller raises the result."""
    typer.echo(t("nexus: {message}", message=message), err=True)
    return typer.Exit(code)
