"""What tells two shapes apart, and the SQL that reconciles them. Plain values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from nexus.migrations.shape.thing import Key


@dataclass(frozen=True)
class Step:
    """One statement of the reconciliation; `order`: its place among all of the comparison's statements.

    `about`: the object that it makes, changes or drops. `destroys`: what is lost by it ("" = nothing).
    """

    order: int
    sql: str
    about: Key
    destroys: str = ""


@dataclass(frozen=True)
class Difference:
    """One object that is missing, extra or changed in the first shape, seen from the second.

    `sentence`: says so. `steps`: its own statements, and those that take away and bring back what stands in
    their way. Several differences are reconciled by `in_order`, not one after the other.
    """

    key: Key
    what: Literal["missing", "extra", "changed"]
    sentence: str
    steps: tuple[Step, ...]

    @property
    def sql(self) -> str:
        """Its statements, each on a line of its own."""
        return "\n".join(each.sql for each in self.steps)

    @property
    def destroys(self) -> str:
        """What is lost by its statements ("" = nothing)."""
        return "; ".join(each.destroys for each in self.steps if each.destroys)

    def as_dict(self) -> dict[str, Any]:
        """The stable JSON form."""
        return {
            "kind": self.key.kind,
            "schema": self.key.schema,
            "table": self.key.table,
            "name": self.key.name,
            "what": self.what,
            "sentence": self.sentence,
            "sql": [each.sql for each in self.steps],
            "destroys": self.destroys,
        }


def in_order(differences: Iterable[Difference]) -> tuple[Step, ...]:
    """The statements of several differences of one comparison, as they are to be executed by a superuser."""
    found = {step.order: step for difference in differences for step in difference.steps}
    return tuple(found[order] for order in sorted(found))
