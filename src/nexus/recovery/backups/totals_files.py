"""Totals: SQL files that count what the business has. `NAME.sql` returns rows (of text, value numeric);
`NAME.since.sql` beside it takes a time ($1) and returns rows (of text, count, amount) of what is new since.

TotalsError            a file that cannot be used, told as file:line: what; mend
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from nexus.stack import Stack

SINCE = ".since"
_HEADER = re.compile(r"^--\s*(title|needs|unit)\s*:\s*(.*?)\s*$")
_SCHEMA = re.compile(r"^[a-z][a-z0-9_]*$")
_WANTED = {
    "title": "title: what is counted",
    "needs": "needs: the schemas it reads",
    "unit": "unit: money, count or what else its numbers are",
}


class TotalsError(ValueError):
    """Files of totals that cannot be used; one line for each fault."""


@dataclass(frozen=True)
class TotalFile:
    """One question. `needs` are the schemas it reads; `since`: it counts what is new since a time."""

    name: str
    title: str
    unit: str
    needs: tuple[str, ...]
    file: Path
    sql: str
    since: bool = False


def load_totals(stack: Stack) -> tuple[TotalFile, ...]:
    """The totals of all modules that are on, and those of the whole stack; those that need a schema which is
    no part of the stack are left out.

    Raises:
        TotalsError: every fault found.
    """
    found: list[TotalFile] = []
    faults: list[str] = []
    for owner, folder in _folders(stack):
        files = [_read(file, owner, faults) for file in sorted(folder.glob("*.sql"))]
        read = [each for each in files if each is not None]
        names = {each.name for each in read if not each.since}
        alone = [each for each in read if each.since and each.name not in names]
        faults += [
            f"{each.file}:1: there is no total of that name; write {each.file.name.replace(SINCE, '')} too"
            for each in alone
            if len(read) == len(files)
        ]
        found += read
    if faults:
        raise TotalsError("\n".join(faults))
    present = {service.database.schema_ for service in stack.services if service.database}
    return tuple(each for each in found if present.issuperset(each.needs))


def _folders(stack: Stack) -> Iterator[tuple[str | None, Path]]:
    for service in stack.services:
        if service.totals:
            yield service.name, service.totals
    if stack.totals:
        yield None, stack.totals


def _read(file: Path, owner: str | None, faults: list[str]) -> TotalFile | None:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        faults.append(f"{file}:1: cannot be read as UTF-8 text ({error}); save it as UTF-8")
        return None
    header: dict[str, str] = {}
    line = 0
    for line, row in enumerate(text.splitlines(), 1):
        if row.strip() and not row.startswith("--"):
            break
        match = _HEADER.match(row)
        if match:
            header[match[1]] = match[2]
            if match[1] == "needs":
                faults += _wrong_schemas(file, line, match[2])
    else:
        faults.append(f"{file}:{line or 1}: has no query; write one that returns rows of (of, value)")
        return None
    missing = [wanted for name, wanted in _WANTED.items() if not header.get(name)]
    faults += [f"{file}:1: the header has no {each.split(':')[0]}; add `-- {each}`" for each in missing]
    stem = file.stem.removesuffix(SINCE).replace("_", "-")
    found = TotalFile(
        f"{owner}/{stem}" if owner else stem,
        header.get("title", ""),
        header.get("unit", ""),
        _schemas(header.get("needs", "")),
        file,
        text,
    )
    since = file.stem.endswith(SINCE)
    if since and "$1" not in text:
        faults.append(f"{file}:{line}: does not use $1, the time since when it counts")
    return replace(found, since=since)


def _wrong_schemas(file: Path, line: int, text: str) -> Iterator[str]:
    for schema in _schemas(text):
        if not _SCHEMA.match(schema):
            yield f"{file}:{line}: {schema!r} is no schema name; write `-- needs: sales, crm`"
            return


def _schemas(text: str) -> tuple[str, ...]:
    return tuple(each for each in re.split(r"[,\s]+", text) if each)
