"""What operators ask of a restore, as it is sent to the control loop."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Kind = Literal["latest", "time", "point", "migration", "lsn", "backup"]


class Wish(BaseModel):
    """Where to. `at` (seconds since the epoch) is of `time`, `name` of the others but `latest`. `timeline`:
    the one to follow, None = the present one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind = "latest"
    at: float | None = None
    name: str = ""
    timeline: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _whole(self) -> Wish:
        if (self.kind == "time") != (self.at is not None):
            raise ValueError("a time is asked for with --at TIME, and nothing else is")
        if (self.kind in ("latest", "time")) == bool(self.name):
            raise ValueError(f"--{self.kind} {'takes no name' if self.name else 'needs a name'}")
        if self.kind == "backup" and self.timeline is not None:
            raise ValueError("--backup has its own timeline; leave --timeline out")
        return self


class Asked(BaseModel):
    """What every request has: who asks; `plan_only`: what would be done is told, and nothing is done."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    who: str
    plan_only: bool = False


class RestoreRequest(Asked):
    """`nexus restore` in place. `wish`: None goes on with what was begun. `place`: the only one to read from
    ("" = all). `key`: the recovery kit's, where the stack's own is lost. `keep_releases`: those that run now
    stay, and the schema is brought to them. `override`: the reason to go on though invariants do not hold.
    """

    wish: Wish | None = None
    place: str = ""
    key: str = Field(default="", repr=False)
    keep_releases: bool = False
    override: str = ""


class UndoRequest(Asked):
    """`nexus restore --undo`: the data that were moved aside come back."""


def told(wish: Wish, **options: Any) -> dict[str, Any]:
    """A wish as the body of a request."""
    return {"wish": wish.model_dump(exclude_defaults=True), **options}
