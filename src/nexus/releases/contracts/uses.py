"""What a brick relies on: for each provider its requests, the fields it reads, the events it hears."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nexus.releases.contracts.provided import FOLDER, ContractError, manifest_of, read_json

USES = "uses.json"
_REQUEST = ("query", "body", "reads", "optional", "closed", "status")
_EVENT = ("reads", "optional", "closed")


@dataclass(frozen=True)
class Use:
    """One request or event as a consumer uses it, by the names of fields.

    `query` and `body` are sent, `reads` are read of the answer (or the event's `data`). `optional`: those it
    can do without, `closed`: those whose every value it must know. `status`: the only ones it takes for
    success (none = any). `whole`: nothing was declared, so that all there is counts as used.
    """

    query: tuple[str, ...] = ()
    body: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    optional: frozenset[str] = frozenset()
    closed: frozenset[str] = frozenset()
    status: tuple[str, ...] = ()
    whole: bool = False


@dataclass(frozen=True)
class Reliance:
    """What a consumer uses of one provider; `declared`: it says so itself."""

    requests: Mapping[str, Use] = field(default_factory=dict)
    events: Mapping[str, Use] = field(default_factory=dict)
    declared: bool = True

    @property
    def fields(self) -> int:
        """How many fields it names."""
        uses = (*self.requests.values(), *self.events.values())
        return sum(len(use.query) + len(use.body) + len(use.reads) for use in uses)


@dataclass(frozen=True)
class Uses:
    """What `consumer` relies on, by provider."""

    consumer: str
    of: Mapping[str, Reliance] = field(default_factory=dict)


def read_uses(folder: Path) -> Uses:
    """Reads what the brick in `folder` relies on. Without `contracts/uses.json` it is whatever those provide
    that its manifest needs or listens to.

    Raises:
        ContractError: the file is there and cannot be used.
        ManifestError: the brick's manifest cannot be read.
    """
    manifest = manifest_of(folder)
    name = str(manifest.get("name", folder.name))
    consumes = (manifest.get("events") or {}).get("consumes") or {}
    path = folder / FOLDER / USES
    declared = read_json(path)
    if declared is None:
        needs = manifest.get("needs") or {}
        known = {*(needs.get("hard") or ()), *(needs.get("soft") or ()), *consumes}
        return Uses(name, {other: _undeclared(consumes.get(other, ())) for other in sorted(known)})
    of = {str(other): _reliance(path, other, body) for other, body in declared.items()}
    for other, types in consumes.items():
        before = of.get(other, Reliance())
        heard = {each: Use() for each in types if each not in before.events}
        of[other] = Reliance(before.requests, {**before.events, **heard})
    return Uses(name, of)


def _undeclared(types: Any) -> Reliance:
    return Reliance({}, {str(each): Use(whole=True) for each in types}, declared=False)


def _reliance(path: Path, provider: str, body: Any) -> Reliance:
    said = _object(path, provider, body, ("requests", "events"))
    return Reliance(
        {
            title: _use(path, f"{provider}.requests.{title}", use, _REQUEST)
            for title, use in _object(path, f"{provider}.requests", said.get("requests", {})).items()
        },
        {
            name: _use(path, f"{provider}.events.{name}", use, _EVENT)
            for name, use in _object(path, f"{provider}.events", said.get("events", {})).items()
        },
    )


def _use(path: Path, place: str, body: Any, words: tuple[str, ...]) -> Use:
    said = _object(path, place, body, words)
    lists = {word: _names(path, f"{place}.{word}", said.get(word, [])) for word in words}
    return Use(
        lists.get("query", ()),
        lists.get("body", ()),
        lists["reads"],
        frozenset(lists["optional"]),
        frozenset(lists["closed"]),
        lists.get("status", ()),
    )


def _object(path: Path, place: str, body: Any, words: tuple[str, ...] = ()) -> Mapping[str, Any]:
    if not isinstance(body, Mapping):
        raise ContractError(f"{path}: {place}: this is no object; see docs/contracts.md")
    unknown = sorted(body.keys() - set(words)) if words else []
    if unknown:
        raise ContractError(f"{path}: {place}: {unknown[0]!r} is unknown; write {', '.join(words)}")
    return body


def _names(path: Path, place: str, body: Any) -> tuple[str, ...]:
    if not isinstance(body, list) or not all(isinstance(each, str) for each in body):
        raise ContractError(f'{path}: {place}: this is no list of texts; write it like ["items[].id"]')
    return tuple(body)
