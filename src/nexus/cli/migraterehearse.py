"""`nexus migrate rehearse`."""

from __future__ import annotations

from typing import Annotated

import typer

Rate = Annotated[float, typer.Option("--rate", help="Replay this many times the writes that are measured.")]
Keep = Annotated[bool, typer.Option("--keep", help="Leave the copy and its server where they are.")]
Json = Annotated[bool, typer.Option("--json", help="Print the stable JSON form.")]


def rehearse(rate: Rate = 1.0, keep: Keep = False, as_json: Json = False) -> None:
    """Apply what is pending to a copy of the data, under the writes that users make; keep the report."""
