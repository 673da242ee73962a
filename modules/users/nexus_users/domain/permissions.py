"""Permissions are dotted names; `*` is everything and `sales.*` everything below `sales`."""

from collections.abc import Iterable

PATTERN = r"^(\*|[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*(\.\*)?)$"
EVERYTHING = "*"


def covers(held: str, wanted: str) -> bool:
    """Whether who holds `held` has all that `wanted` stands for."""
    if held in (EVERYTHING, wanted):
        return True
    return held.endswith(".*") and wanted.startswith(held[:-1])


def beyond(held: Iterable[str], wanted: Iterable[str]) -> list[str]:
    """What of `wanted` is not covered by anything held, sorted."""
    mine = tuple(held)
    return sorted({want for want in wanted if not any(covers(hold, want) for hold in mine)})
