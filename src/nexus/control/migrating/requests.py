"""What operators ask for that changes schemas, as it is sent to the control loop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

WISHES = ("applied", "rolled_back", "resume", "edited")
Word = Annotated[str, Field(min_length=1)]


class Asked(BaseModel):
    """What every request has: who asks; `plan_only`: what would be done is told, and nothing is done."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    who: str
    plan_only: bool = False


class ApplyRequest(Asked):
    """`nexus migrate apply`. `to`: module → the last of its migrations that is meant. `override`: the reason
    to apply what was not rehearsed. `digest`: of the plan that the operator saw ("" = whatever it is now).
    """

    to: Mapping[str, Word] = {}
    override: str = ""
    digest: str = ""


class ResolveRequest(Asked):
    """`nexus migrate resolve`: one row is to say something else. Each names a migration: it was applied by
    hand, nothing is left of it, it goes on where it failed, or its edited file says what was applied.
    """

    module: Word
    applied: str = ""
    rolled_back: str = ""
    resume: str = ""
    edited: str = ""

    @property
    def wish(self) -> tuple[str, str]:
        """What is asked for, and of which migration."""
        said = {name: getattr(self, name) for name in WISHES}
        return next((name, of) for name, of in said.items() if of)

    @model_validator(mode="after")
    def _one_wish(self) -> ResolveRequest:
        if sum(bool(getattr(self, name)) for name in WISHES) != 1:
            raise ValueError("name one migration: --applied, --rolled-back, --resume or --edited NAME")
        return self


class BaselineRequest(Asked):
    """`nexus migrate baseline`: what a schema holds is recorded as applied, up to `to` ("" = all)."""

    module: Word
    to: str = ""


class UndoRequest(Asked):
    """`nexus migrate undo`: the newest migration of a module, or the one named, which must be the newest."""

    module: Word
    name: str = ""
