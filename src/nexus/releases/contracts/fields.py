"""One field, before and after: what a reader and what a sender must know of the change."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from nexus.releases.contracts.finding import Remark
from nexus.releases.contracts.lookup import Found, Presence
from nexus.releases.contracts.schema import ANY, Kind

GONE = "it is gone"
MISSING = "it may be missing now"
NULL = "it may be null now"
NOT_PROMISED = "it is not promised any more"
ABSENT = "there is no such field"
REFUSED = "it is not taken any more"
NOT_TAKEN = "it is not taken"
ABSENCE = frozenset({GONE, MISSING, NULL, NOT_PROMISED})
LEAST = ("minimum", "exclusiveMinimum", "minLength", "minItems")


def read(name: str, new: Found, old: Found | None, closed: bool = False) -> Iterator[Remark]:
    """What a reader of the field `name` must know. `old` is None when nothing is known of the past.

    `closed`: the reader knows each value by itself, so that a further one is told as a warning.
    """
    if new.presence is Presence.NEVER:
        yield Remark(name, GONE if old is None or old.presence else ABSENT)
        return
    if old is None or old.presence is Presence.NEVER:
        return
    if new.presence is Presence.OPEN and old.presence > Presence.OPEN:
        yield Remark(name, NOT_PROMISED)
        return
    if new.presence < old.presence:
        yield Remark(name, MISSING)
    yield from _widened(name, new.kinds, old.kinds)
    if closed:
        yield from _more_values(name, new.kinds, old.kinds)


def sent(name: str, new: Found, old: Found | None) -> Iterator[Remark]:
    """What a sender of the field `name` must know."""
    if new.presence is Presence.NEVER:
        yield Remark(name, REFUSED if old is None or old.presence else NOT_TAKEN)
        return
    if old is None or old.presence is Presence.NEVER:
        return
    if _beyond(old.kinds, new.kinds) or _unknown_formats(old.kinds, new.kinds):
        yield Remark(name, f"it took {titles(old.kinds)}, now it takes {titles(new.kinds)}")
        return
    yield from _fewer_values(name, new.kinds, old.kinds)
    yield from _tighter(name, new.kinds, old.kinds)


def titles(kinds: Iterable[Kind]) -> str:
    """`string (date) or null`."""
    named = sorted({kind.title for kind in kinds}, key=lambda title: (title == "null", title))
    return " or ".join("anything" if title == ANY else title for title in named) or "nothing"


def _widened(name: str, new: tuple[Kind, ...], old: tuple[Kind, ...]) -> Iterator[Remark]:
    more, formats = _beyond(new, old), _unknown_formats(new, old)
    if "null" in more:
        yield Remark(name, NULL)
    if more - {"null"} or formats:
        only_less = more <= {"null"} and formats == {""}  # a format that is not promised any more
        yield Remark(name, f"it was {titles(old)}, now it is {titles(new)}", breaking=not only_less)


def _beyond(some: tuple[Kind, ...], known: tuple[Kind, ...]) -> set[str]:
    """The types of `some` that are not among `known`; an integer is a number."""
    types = {kind.type for kind in known}
    if ANY in types:
        return set()
    types |= {"integer"} if "number" in types else set()
    return {kind.type for kind in some} - types


def _unknown_formats(some: tuple[Kind, ...], known: tuple[Kind, ...]) -> set[str]:
    """The formats of `some` that `known` does not allow for the same type; "" is none at all."""
    found = set()
    for kind in some:
        formats = {each.format for each in known if each.type == kind.type}
        if formats and kind.format not in formats and "" not in formats:
            found.add(kind.format)
    return found


def _values(kinds: tuple[Kind, ...]) -> frozenset[str] | None:
    """All values that may be there; None when there is no list."""
    lists = [kind.values for kind in kinds if kind.type not in ("null", "boolean")]
    if not lists or None in lists:
        return None
    return frozenset().union(*(each for each in lists if each is not None))


def _more_values(name: str, new: tuple[Kind, ...], old: tuple[Kind, ...]) -> Iterator[Remark]:
    before, after = _values(old), _values(new)
    if before is None:
        return
    if after is None:
        yield Remark(name, "it may hold any value now", breaking=False)
    elif after - before:
        yield Remark(name, f"it may be {_listed(after - before)} now", breaking=False)


def _fewer_values(name: str, new: tuple[Kind, ...], old: tuple[Kind, ...]) -> Iterator[Remark]:
    before, after = _values(old), _values(new)
    if after is None:
        return
    if before is None:
        yield Remark(name, f"it takes only {_listed(after)} now")
    elif before - after:
        yield Remark(name, f"it does not take {_listed(before - after)} any more")


def _listed(values: frozenset[str]) -> str:
    return ", ".join(str(json.loads(value)) for value in sorted(values))


def _tighter(name: str, new: tuple[Kind, ...], old: tuple[Kind, ...]) -> Iterator[Remark]:
    for kind in new:
        for before in (each for each in old if each.type == kind.type):
            for bound, limit in kind.bounds.items():
                past = before.bounds.get(bound)
                if past is None or (limit > past if bound in LEAST else limit < past):
                    was = "none" if past is None else f"{past:g}"
                    yield Remark(name, f"its {bound} is {limit:g} now, it was {was}", breaking=False)
