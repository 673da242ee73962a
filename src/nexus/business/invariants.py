"""Invariants: SQL files that must return no row. Each row they return is an offence against the business.

InvariantError         a file that cannot be used, told as file:line: what; mend
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nexus.stack import Stack

_HEADER = re.compile(r"^--\s*(title|needs)\s*:\s*(.*?)\s*$")
_SCHEMA = re.compile(r"^[a-z][a-z0-9_]*$")


class InvariantError(ValueError):
    """Invariant files that cannot be used; one line for each fault."""


@dataclass(frozen=True)
class Invariant:
    """One question to the database. `needs` are the schemas it reads, `owner` is who brings it."""

    name: str
    title: str
    needs: tuple[str, ...]
    owner: str | None
    file: Path
    sql: str


@dataclass(frozen=True)
class Invariants:
    """What can be asked of this stack, and what cannot, with the schemas that are missing."""

    usable: tuple[Invariant, ...]
    skipped: tuple[tuple[Invariant, tuple[str, ...]], ...] = ()


def load_invariants(stack: Stack) -> Invariants:
    """Read the invariants of all modules that are on, and those of the whole stack.

    A file begins with `-- title: ...` and `-- needs: schema, schema`. One whose schema is not part of the
    stack is skipped. Raises InvariantError with every fault found.
    """
    found: list[Invariant] = []
    faults: list[str] = []
    for owner, folder in _folders(stack):
        for file in sorted(folder.glob("*.sql")):
            invariant = _read(file, owner, faults)
            if invariant is not None:
                found.append(invariant)
    if faults:
        raise InvariantError("\n".join(faults))
    present = {service.database.schema_ for service in stack.services if service.database}
    missing = {i.name: tuple(schema for schema in i.needs if schema not in present) for i in found}
    return Invariants(
        usable=tuple(i for i in found if not missing[i.name]),
        skipped=tuple((i, missing[i.name]) for i in found if missing[i.name]),
    )


def _folders(stack: Stack) -> Iterator[tuple[str | None, Path]]:
    for service in stack.services:
        if service.invariants:
            yield service.name, service.invariants
    if stack.invariants:
        yield None, stack.invariants


def _read(file: Path, owner: str | None, faults: list[str]) -> Invariant | None:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        faults.append(f"{file}:1: cannot be read as UTF-8 text ({error}); save it as UTF-8")
        return None
    title, line = "", 0
    needs: tuple[str, ...] = ()
    for line, row in enumerate(text.splitlines(), 1):
        if row.strip() and not row.startswith("--"):
            break
        match = _HEADER.match(row)
        if match and match[1] == "title":
            title = match[2]
        elif match:
            needs = tuple(need for need in re.split(r"[,\s]+", match[2]) if need)
            wrong = [need for need in needs if not _SCHEMA.match(need)]
            if wrong:
                faults.append(f"{file}:{line}: {wrong[0]!r} is no schema name; write `-- needs: sales, crm`")
    else:
        faults.append(f"{file}:{line or 1}: has no query; write one that returns the offending rows")
        return None
    for value, header in ((title, "title: what always holds"), (needs, "needs: the schemas it reads")):
        if not value:
            faults.append(f"{file}:1: the header has no {header.split(':')[0]}; add `-- {header}`")
    name = file.stem.replace("_", "-")
    return Invariant(f"{owner}/{name}" if owner else name, title, needs, owner, file, text)
