"""How a deployment ended, told as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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
    """The end of a deployment. `text` with its `values` says all of it, `cause` why it is not as was asked
    ("" when it is).
    """

    state: State
    text: str
    values: Mapping[str, str] = field(default_factory=dict)
    cause: str = ""

    @property
    def sentence(self) -> str:
        """All of it, in English."""
        return self.text.format(**self.values)

    @property
    def exit_code(self) -> int:
        """What its command ends with."""
        return EXIT_CODES[self.state]


PROMOTED = "promoted: {releases}"
PROMOTED_WITH_GAPS = "promoted: {releases}; away meanwhile: {gaps}"
IDLE = "nothing to do: {why}"
ROLLED_BACK = "rolled back (cause: {cause}): {releases} again"
FAILED = "failed, nothing changed: {cause}"
HELD = "held: {cause}; {mend}"
WITHDRAWN = "withdrawn; nothing was changed"
TOLD_AGAIN = "{sentence}"


def promoted(titles: Sequence[str], gaps: Sequence[Mapping[str, Any]] = ()) -> Ending:
    """All that was asked for is stable. `gaps`: how many `seconds` a `service` did not answer meanwhile."""
    releases = ", ".join(titles)
    if not gaps:
        return Ending("promoted", PROMOTED, {"releases": releases})
    told = ", ".join(f"{gap['service']} {gap['seconds']:.2f} s" for gap in gaps)
    return Ending("promoted", PROMOTED_WITH_GAPS, {"releases": releases, "gaps": told})


def idle(why: str) -> Ending:
    """All was as was asked already."""
    return Ending("nothing to do", IDLE, {"why": why})


def withdrawn() -> Ending:
    """Whoever asked left before it was begun."""
    return Ending("interrupted", WITHDRAWN)


def gone_back(cause: str, titles: Sequence[str], touched: bool) -> Ending:
    """All is as before. `touched`: whether the new releases had got requests meanwhile."""
    if touched:
        values = {"cause": cause, "releases": ", ".join(titles)}
        return Ending("rolled back", ROLLED_BACK, values, cause)
    return Ending("failed", FAILED, {"cause": cause}, cause)


def held(cause: str, mend: str) -> Ending:
    """It stands where it is, and only an operator can say how it goes on."""
    return Ending("held", HELD, {"cause": cause, "mend": mend}, cause)


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
        "text": ending.text,
        "values": dict(ending.values),
        "cause": ending.cause,
        "exit_code": ending.exit_code,
        "seconds": round(seconds, 3),
        "evidence": dict(evidence or {}),
    }
