"""What operators ask for when they want rows back, as it is sent to the control loop."""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import Literal

from pydantic import Field, model_validator

from nexus.control.restoring.requests import Asked, Wish
from nexus.recovery.merging.difference import Policy

_STAMP = re.compile(r"^\d{8}T\d{6}Z-[0-9a-f]{6}$")


class RowsRequest(Asked):
    """`nexus restore --module`. `tables`: () = all; `where`: a condition on the one table. `deleted`,
    `changed` (None: where `until` is given), `added`: which rows are written; `until` (seconds since the
    epoch): what was written later is no damage, and kept unless `take` is then. `place`, `key`: as of a
    restore. `override`: the reason to go on though invariants break; `bypass_triggers`: the reason to let
    triggers rest. `stamp`: the comparison that the operator saw, and that is merged as it was shown; ""
    compares anew. `forget`: that comparison is deleted instead.
    """

    module: str
    wish: Wish
    tables: tuple[str, ...] = ()
    where: str = ""
    deleted: bool = True
    changed: bool | None = None
    added: bool = False
    until: float | None = None
    take: Literal["now", "then"] = "now"
    place: str = ""
    key: str = Field(default="", repr=False)
    override: str = ""
    bypass_triggers: str = ""
    stamp: str = ""
    forget: bool = False

    @property
    def policy(self) -> Policy:
        """Which rows are written."""
        changed = self.until is not None if self.changed is None else self.changed
        return Policy(self.deleted, changed, self.added, self.until, self.take)

    def told(self) -> dict[str, object]:
        """What was said of which rows are meant, by name; what was left out is not in it."""
        said: dict[str, object] = {"tables": self.tables, "where": self.where, **asdict(self.policy)}
        return {name: value for name, value in said.items() if name in self.model_fields_set}

    @model_validator(mode="after")
    def _whole(self) -> RowsRequest:
        if self.stamp and not _STAMP.match(self.stamp):
            raise ValueError(f"{self.stamp!r} names no comparison")
        if self.override and self.bypass_triggers:
            raise ValueError("while triggers rest, invariants must hold: --override is not taken with it")
        if self.forget and not self.stamp:
            raise ValueError("say which comparison is to be forgotten: its stamp")
        if not (self.deleted or self.policy.changed or self.added):
            raise ValueError("say which rows are to be written: --deleted, --changed or --added")
        return self
