"""What operators ask for when they want rows back, as it is sent to the control loop."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, model_validator

from nexus.control.restoring.requests import Asked, Wish

_STAMP = re.compile(r"^\d{8}T\d{6}Z-[0-9a-f]{6}$")


class RowsRequest(Asked):
    """`nexus restore --module`. `tables`: () = all; `where`: a condition on the one table. `deleted`,
    `changed`, `added`: which rows are written; `until` (seconds since the epoch): what was written later is
    no damage, and kept unless `take` is then. `place`, `key`: as of a restore. `override`: the reason to
    go on though invariants break; `bypass_triggers`: the reason to let triggers rest. `stamp`: the comparison
    that the operator saw, and that is merged as it was shown; "" compares anew.
    """

    module: str
    wish: Wish
    tables: tuple[str, ...] = ()
    where: str = ""
    deleted: bool = True
    changed: bool = True
    added: bool = False
    until: float | None = None
    take: Literal["now", "then"] = "now"
    place: str = ""
    key: str = Field(default="", repr=False)
    override: str = ""
    bypass_triggers: str = ""
    stamp: str = ""

    @model_validator(mode="after")
    def _whole(self) -> RowsRequest:
        if self.stamp and not _STAMP.match(self.stamp):
            raise ValueError(f"{self.stamp!r} names no comparison")
        if self.override and self.bypass_triggers:
            raise ValueError("while triggers rest, invariants must hold: --override is not taken with it")
        if not (self.deleted or self.changed or self.added):
            raise ValueError("say which rows are to be written: --deleted, --changed or --added")
        return self
