"""What a module told and read in a test, against what its contracts/ say it tells and reads."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema_rs import validator_for

Record = Mapping[str, Any]
Key = tuple[str, str, str, str]
"""What is used: provider, operation or event, `query`, `body` or `reads`, field."""

KEPT: dict[str, dict[str, Record]] = defaultdict(dict)
"""What all modules of this run told and read, by module; each record once."""


def records_in(file: Path) -> list[Record]:
    """The records a module wrote; a line that SIGKILL cut off is left out."""
    lines = file.read_text().split("\n")[:-1] if file.exists() else []
    return [json.loads(line) for line in lines]


def check(folder: Path, records: Iterable[Record]) -> list[str]:
    """Sentences on what contradicts the contracts of the brick in `folder`; a file that is missing promises
    nothing.
    """
    events, uses = _read(folder / "contracts/events.json"), _read(folder / "contracts/uses.json")
    declared = _declared(uses or {})
    faults: set[str] = set()
    once = {json.dumps(record, sort_keys=True): record for record in records}
    KEPT[folder.name].update(once)
    for record in once.values():
        if "told" in record and events is not None:
            faults.update(_told(events, record))
        elif "of" in record and uses is not None and record["of"] != folder.name:
            faults.update(_used(folder, declared, record))
    return sorted(faults)


def unread(folder: Path, records: Iterable[Record]) -> list[str]:
    """What contracts/uses.json declares and no record sent or read."""
    uses = _read(folder / "contracts/uses.json") or {}
    seen = {key for record in records for key in _keys(folder, record)}
    return sorted(" ".join(key) for key in _declared(uses) - seen)


def _told(events: Mapping[str, Any], record: Record) -> Iterator[str]:
    kind, data = record["told"], record["data"]
    schema = events.get(kind)
    if schema is None:
        yield f"contracts/events.json does not know {kind}, which is published"
        return
    for error in validator_for(schema, validate_formats=True).iter_errors(data):
        place = "".join(f"/{part}" for part in error.instance_path)
        yield f"contracts/events.json: {kind} was published with data{place}: {error.message}"
    for field in _unnamed(schema, data):
        yield f"contracts/events.json: {kind} does not name {field}, which is published"


def _unnamed(schema: Any, data: Any, path: str = "") -> Iterator[str]:
    """Fields of plain objects and lists that the schema leaves out."""
    if isinstance(data, list) and "items" in schema:
        for each in data:
            yield from _unnamed(schema["items"], each, f"{path}[]")
    elif isinstance(data, dict) and "properties" in schema and "additionalProperties" not in schema:
        for key, value in data.items():
            place = f"{path}.{key}".lstrip(".")
            if key in schema["properties"]:
                yield from _unnamed(schema["properties"][key], value, place)
            else:
                yield place


def _used(folder: Path, declared: set[Key], record: Record) -> Iterator[str]:
    if "heard" in record and record["asks"] and not _named(folder, record):
        return  # it asked for what its provider never tells
    for key in _keys(folder, record):
        provider, what, where, field = key
        if not any(known[:3] == key[:3] and _covers(known[3], field) for known in declared):
            verb = "reads" if where == "reads" else "sends"
            yield f"contracts/uses.json: {provider}: {what}: {where!r} lacks {field!r}, which it {verb}"


def _named(folder: Path, record: Record) -> bool:
    """Whether the event that was heard has such a field, as its publisher's contract says."""
    events = _read(folder.parent / record["of"] / "contracts/events.json")
    schema = (events or {}).get(record["heard"])
    top = re.split(r"[.\[]", record["field"])[0]
    return schema is None or top in schema.get("properties", ())


def _covers(declared: str, field: str) -> bool:
    """Whoever declares a field may read all of it, and what is around it."""
    inside = field.startswith((f"{declared}.", f"{declared}["))
    return inside or declared == field or declared.startswith((f"{field}.", f"{field}["))


def _keys(folder: Path, record: Record) -> Iterator[Key]:
    """What a record uses."""
    if "heard" in record:
        yield record["of"], record["heard"], "reads", record["field"]
    elif "asked" in record:
        title = title_of(folder, record["of"], record["asked"])
        for where in ("query", "body"):
            for field in record[where]:
                yield record["of"], title, where, field
    elif "read" in record:
        yield record["of"], title_of(folder, record["of"], record["read"]), "reads", record["field"]


def _declared(uses: Mapping[str, Any]) -> set[Key]:
    return {
        (provider, what, where, field)
        for provider, said in uses.items()
        for part in ("requests", "events")
        for what, use in said.get(part, {}).items()
        for where in ("query", "body", "reads")
        for field in use.get(where, ())
    }


def title_of(folder: Path, provider: str, asked: str) -> str:
    """`GET /api/crm/customers/{customer_id}` for a request with a real id; a literal address comes first."""
    method, _, path = asked.partition(" ")
    known = _paths(folder.parent / provider / "contracts/openapi.json")
    for template in sorted(known, key=lambda each: each.count("{")):
        if re.fullmatch(re.sub(r"\{[^}]*\}", "[^/]+", template), path):
            return f"{method} {template}"
    return asked


@cache
def _paths(file: Path) -> tuple[str, ...]:
    return tuple((_read(file) or {}).get("paths", ()))


def _read(file: Path) -> Any:
    return json.loads(file.read_text()) if file.exists() else None
