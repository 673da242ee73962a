"""What is collected while the catalogue is read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import asyncpg

from nexus.migrations.shape.thing import Grant, Key, Thing

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
Address = tuple[str, int, int]  # catalogue, oid, number of the column (0 = the whole)


@dataclass
class Found:
    """The things by key, and which of them a row of the catalogue belongs to."""

    things: dict[Key, Thing] = field(default_factory=dict)
    places: dict[Address, Key] = field(default_factory=dict)

    def add(self, thing: Thing, *addresses: Address) -> None:
        """Take in a thing and where the catalogue has it."""
        self.things[thing.key] = thing
        for each in addresses:
            self.places[each] = thing.key


def grants(told: Sequence[str] | None) -> frozenset[Grant]:
    """Grants as the queries tell them: role, right and option, parted by tabs."""
    found = (each.split("\t") for each in told or ())
    return frozenset(Grant(role, right, option == "t") for role, right, option in found)


def acl(column: str, usual: str = "") -> str:
    """SQL of an array of grants. `usual`: SQL of those that hold where nothing was granted."""
    told = f"coalesce({column}, {usual})" if usual else column
    return f"""ARRAY(SELECT concat_ws(E'\\t',
        CASE WHEN x.grantee = 0 THEN 'PUBLIC' ELSE pg_get_userbyid(x.grantee) END, x.privilege_type,
        left(x.is_grantable::text, 1)) FROM aclexplode({told}) x)"""


def facts(**told: Any) -> dict[str, str]:
    """Facts by name, without those that are empty or false."""
    shown = {key.replace("_", " "): value for key, value in told.items() if value}
    return {key: "yes" if value is True else str(value) for key, value in shown.items()}


def member(catalogue: str, oid: str) -> str:
    """SQL that is true of what an extension brought."""
    return f"""EXISTS (SELECT FROM pg_depend e
        WHERE e.classid = '{catalogue}'::regclass AND e.objid = {oid} AND e.deptype = 'e')"""


def words(*parts: str) -> str:
    """The parts that are not empty, with spaces between."""
    return " ".join(each for each in parts if each)


def listed(parts: Iterable[str]) -> str:
    """The parts with commas between."""
    return ", ".join(parts)
