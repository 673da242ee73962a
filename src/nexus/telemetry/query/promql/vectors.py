"""What PromQL computes with: labels, instant vectors, and the errors of an expression."""

from __future__ import annotations

from collections.abc import Iterable

from nexus.telemetry.query.errors import QueryError

Labels = tuple[tuple[str, str], ...]
Vector = dict[Labels, float]
NAME = "__name__"


def without(labels: Labels, names: Iterable[str]) -> Labels:
    """The labels but those of the given names."""
    return tuple(pair for pair in labels if pair[0] not in names)


def only(labels: Labels, names: Iterable[str]) -> Labels:
    """The labels of the given names."""
    return tuple(pair for pair in labels if pair[0] in names)


def nameless(labels: Labels) -> Labels:
    """The labels without the metric's name."""
    return without(labels, (NAME,))


def unsupported(what: str, text: str) -> QueryError:
    """An error that names what is not supported, and where in the expression it stands (counted from 1)."""
    place = text.find(what) + 1
    where = f" at position {place}" if place else ""
    return QueryError(f"{what}{where} is not supported here; see docs/telemetry-store.md for what is")
