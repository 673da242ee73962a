"""What operators ask for that changes backups, as it is sent to the control loop."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

Wish = Literal["full", "incremental", "auto"]


class Asked(BaseModel):
    """What every request has: who asks; `plan_only`: what would be done is told, and nothing is done."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    who: str
    plan_only: bool = False


class CreateRequest(Asked):
    """`nexus backup create`. `kind`: auto = incremental where that is possible, else full; `due`: since when
    the schedule wants it, in seconds since the epoch, None where an operator asks.
    """

    kind: Wish = "auto"
    due: float | None = None


class PruneRequest(Asked):
    """`nexus backup prune`. `digest`: of the plan that the operator saw ("" = whatever it is now)."""

    digest: str = ""
