"""What operators ask for that changes schemas, as it is sent to the control loop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

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
    """`nexus migrate resolve`: one row is to say something else."""

    module: Word
    applied: str = ""
    rolled_back: str = ""

    @model_validator(mode="after")
    def _one_wish(self) -> ResolveRequest:
        if bool(self.applied) == bool(self.rolled_back):
            raise ValueError("name one migration: --applied NAME or --rolled-back NAME")
        return self


class BaselineRequest(Asked):
    """`nexus migrate baseline`: what a schema holds is recorded as applied, up to `to` ("" = all)."""

    module: Word
    to: str = ""


class UndoRequest(Asked):
    """`nexus migrate undo`: the newest migration of a module, or the one named, which must be the newest."""

    module: Word
    name: str = ""
