"""How a deployment ended, told as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

State = Literal["promoted", "nothing to do", "rolled back", "failed", "held", "interrupted"]
EXIT_CODES: Mapping[State, int] = {
    "promoted": 0,
    "nothing to do": 0,
    "rolled back": 1,
    "failed": 1,
    "held": 3,
    "interrupted": 130,
}


@dataclass(frozen=True)
class Ending:
    """The end of a deployment: all of it in a sentence, and why it is not as was asked ("" if it is)."""

    state: State
    sentence: str
    cause: str = ""

    @property
    def exit_code(self) -> int:
        """What its command ends with."""
        return EXIT_CODES[self.state]


def promoted(titles: Sequence[str], forgiven: Sequence[str] = ()) -> Ending:
    """All that was asked for is stable. `forgiven`: what was found and did not count."""
    also = f"; {'; '.join(forgiven)}" if forgiven else ""
    return Ending("promoted", f"promoted: {', '.join(titles)}{also}")


def gone_back(cause: str, titles: Sequence[str], touched: bool) -> Ending:
    """All is as before. `touched`: whether the new releases had got requests meanwhile."""
    if touched:
        return Ending("rolled back", f"rolled back (cause: {cause}): {', '.join(titles)} again", cause)
    return Ending("failed", f"failed, nothing changed: {cause}", cause)


def held(cause: str, mend: str) -> Ending:
    """It stands where it is, and only an operator can say how it goes on."""
    return Ending("held", f"held: {cause}; {mend}", cause)


def differing(
    expected: Mapping[str, str], stable: Mapping[str, str], candidates: Sequence[str]
) -> tuple[str, ...]:
    """What of the end is not as it should be, one phrase each; empty when all is. Pure."""
    wrong = [
        f"{name} is {stable.get(name, 'unknown')}, not {release}"
        for name, release in expected.items()
        if stable.get(name) != release
    ]
    return (*wrong, *(f"{name} still has a candidate" for name in expected if name in candidates))


def outcome(
    id: int | None, kind: str, ending: Ending, seconds: float = 0.0, evidence: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The event that ends a deployment's stream."""
    return {
        "event": "outcome",
        "id": id,
        "kind": kind,
        "state": ending.state,
        "sentence": ending.sentence,
        "cause": ending.cause,
        "exit_code": ending.exit_code,
        "seconds": round(seconds, 3),
        "evidence": dict(evidence or {}),
    }
