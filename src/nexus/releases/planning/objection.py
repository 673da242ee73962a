"""One rule that a deploy breaks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nexus.releases.errors import ReleaseError


@dataclass(frozen=True)
class Objection:
    """One rule that a deploy breaks. `waiver`: the option that sets it aside ("" = none does). `mend`: what
    can be done instead.
    """

    error: type[ReleaseError]
    sentence: str
    mend: str
    waiver: Literal["", "force", "override"] = ""

    @property
    def text(self) -> str:
        """What is wrong and what can be done."""
        return f"{self.sentence}; {self.mend}"
