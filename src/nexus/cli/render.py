"""`nexus render`."""

from __future__ import annotations

from typing import Annotated

import typer

from nexus.cli import place
from nexus.cli.language import t

Check = Annotated[bool, typer.Option("--check", help="Write nothing; exit code 1 when a file differs.")]

WORDS = {
    "missing": "{path}: written",
    "changed": "{path}: written anew",
    "stale": "{path}: removed, it is no longer part of the stack",
    "own": "{path}: your own, left as it is",
}
DRIFT = {
    "missing": "{path}: is missing",
    "changed": "{path}: is not what the manifests say",
    "stale": "{path}: is no longer part of the stack",
}


def render(check: Check = False) -> None:
    """Write the Compose file, the Swarm stack, their settings and the Dockerfiles from the manifests."""
    from nexus.control.rendering import compare, write

    files = compare(place.root())
    words = DRIFT if check else WORDS
    for file in files:
        if file.state in words:
            typer.echo(t(words[file.state], path=file.path), err=check)
    drift = [file for file in files if file.state in DRIFT]
    if check and drift:
        raise place.stop(t("{count} files differ; `nexus render` writes them", count=len(drift)), 1)
    if not check:
        write(place.root(), files)
    if not drift:
        typer.echo(t("all {count} files are what the manifests say", count=len(files)))
