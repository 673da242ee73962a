"""The business's invariants on the copy, before the plan and after it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nexus.business import Invariant
from nexus.business.check import CheckError, Result, check_invariants
from nexus.migrations.rehearsing.errors import RehearsalFailed
from nexus.migrations.rehearsing.report import InvariantSeen

TIMEOUT = 300.0  # seconds for each; a rehearsal has time


async def ask(url: str, invariants: Sequence[Invariant]) -> dict[str, Result]:
    """Name → the answer.

    Raises:
        RehearsalFailed: the copy cannot be asked.
    """
    try:
        return {each.name: each async for each in check_invariants(url, invariants, 1, TIMEOUT)}
    except CheckError as error:
        raise RehearsalFailed(f"the copy: {error}") from error


def compared(before: Mapping[str, Result], after: Mapping[str, Result]) -> tuple[InvariantSeen, ...]:
    """What became of each invariant."""
    return tuple(
        InvariantSeen(
            name,
            result.title,
            None if before[name].error else before[name].rows,
            None if result.error else result.rows,
            result.error,
        )
        for name, result in after.items()
    )


def sentence(seen: InvariantSeen) -> str:
    """What is told of an invariant that the plan broke."""
    if seen.after is None:
        return f"invariant {seen.name} ({seen.title}) cannot be asked any more: {seen.error}"
    return (
        f"invariant {seen.name} ({seen.title}) is broken: {seen.after} offending rows after the plan, "
        f"{seen.before} before"
    )
