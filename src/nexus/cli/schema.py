"""`nexus schema`."""

from __future__ import annotations

import json
from typing import Annotated, Literal, cast

import typer

Which = Annotated[str, typer.Argument(help="`module` (module.yaml) or `stack` (nexus.yaml).")]


def schema(which: Which = "module") -> None:
    """Print the JSON Schema of a manifest, for editors."""
    from nexus.cli import place
    from nexus.stack import json_schema

    if which not in ("module", "stack"):
        raise place.stop(f"no schema {which!r}; there are: module, stack", 2)
    found = json_schema(cast(Literal["module", "stack"], which))
    typer.echo(json.dumps(found, ensure_ascii=False, indent=2))
