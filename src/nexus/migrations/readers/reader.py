"""One who reads a column from outside the migrations of its module."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from nexus.migrations.effects.effect import Table

Kind = Literal["kpi", "invariant", "objective", "contract", "sql"]


@dataclass(frozen=True)
class Reader:
    """`who`: a module, or "stack". `column`: None for all (`SELECT *`), "" for rows alone (`count(*)`).

    `name`: of the KPI, the invariant or the migration; the request or event with its field. A contract names
    fields, not tables: its table has no name, and its column is the name of the field.
    """

    who: str
    kind: Kind
    table: Table
    column: str | None
    file: Path
    line: int
    name: str = ""

    @property
    def place(self) -> str:
        """`file:line`."""
        return f"{self.file}:{self.line}"

    @property
    def title(self) -> str:
        """`the KPI orders-stuck`, with whose it is."""
        kinds = {"kpi": "the KPI", "invariant": "the invariant", "objective": "the objective"}
        of = "the stack" if self.who == "stack" else self.who
        if self.kind in kinds:
            return f"{kinds[self.kind]} {self.name} of {of}"
        return f"the contract of {of} ({self.name})" if self.kind == "contract" else f"the SQL of {of}"
