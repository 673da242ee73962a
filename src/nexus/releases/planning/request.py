"""What a deploy is asked to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nexus.releases.release import Release
from nexus.stack.manifest import Strategy


@dataclass(frozen=True)
class RolloutRequest:
    """Service → the release to let in. What is None is as that release's manifest says; times in seconds.

    `forced`: broken contracts and contract migrations do not stand in the way. `override`: the reason why a
    freeze does not ("" = it does). `under_way`: it was begun already, so that what stood in its way then does
    not now; in which order migrations are applied, that does not change.
    """

    targets: Mapping[str, Release]
    who: str
    strategy: Strategy | None = None
    steps: tuple[int, ...] | None = None
    hold: float | None = None
    bake: float | None = None
    forced: bool = False
    override: str = ""
    under_way: bool = False
