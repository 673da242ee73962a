"""Lists in pages: ``?limit=50&cursor=...`` in, ``{"items": [...], "next": cursor or null}`` out."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar

import orjson
from fastapi import Query
from pydantic import BaseModel

from nexus_kit.problems import problem

T = TypeVar("T")


class Page(BaseModel, Generic[T]):
    """One page of a list; ``next`` is the cursor of the following page, None on the last."""

    items: list[T]
    next: str | None = None


@dataclass(frozen=True, slots=True)
class Paging:
    """What the client asked for: at most ``limit`` items after the position ``after`` (None: the start)."""

    limit: int
    after: tuple[str, ...] | None

    def value(self, number: int, convert: Callable[[str], Any]) -> Any:
        """Return value ``number`` of the cursor through ``convert`` (UUID, datetime.fromisoformat, ...), None
        at the start.

        Raises Problem 404 when the cursor was made up.
        """
        if self.after is None:
            return None
        try:
            return convert(self.after[number])
        except (ValueError, IndexError, TypeError, OverflowError):
            raise _bad_cursor() from None

    def page(self, rows: Sequence[Any], *keys: str, item: Callable[[Any], Any] = dict) -> dict[str, Any]:
        """Make the page from ``rows`` fetched with ``LIMIT limit + 1``; ``keys`` name the columns of the
        order.
        """
        shown = rows[: self.limit]
        more = len(rows) > self.limit
        following = encode_cursor(*(shown[-1][key] for key in keys)) if more else None
        return {"items": [item(row) for row in shown], "next": following}


def encode_cursor(*values: Any) -> str:
    """Pack the values of the last item's order columns into an opaque text."""
    packed = orjson.dumps(
        [value.isoformat() if hasattr(value, "isoformat") else str(value) for value in values]
    )
    return base64.urlsafe_b64encode(packed).rstrip(b"=").decode()


def decode_cursor(cursor: str) -> tuple[str, ...]:
    """Unpack a cursor. Raises Problem 404 when it is not one of ours."""
    try:
        values = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError):
        raise _bad_cursor() from None
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise _bad_cursor()
    return tuple(values)


def _bad_cursor() -> Exception:
    return problem(
        404, "no-such-page", "There is no page at this cursor: take it from `next` of the last page."
    )


async def paging(
    limit: Annotated[int, Query(ge=1, le=200, description="Items per page.")] = 50,
    cursor: Annotated[str | None, Query(max_length=500, description="`next` of the previous page.")] = None,
) -> Paging:
    """Dependency: read ``limit`` and ``cursor``."""
    return Paging(limit, decode_cursor(cursor) if cursor else None)
