"""What operators ask of a standby, as it is sent to the control loop."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Asked(BaseModel):
    """What every request has: who asks; `plan_only`: what would be done is told, and nothing is done."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    who: str
    plan_only: bool = False


class AddRequest(Asked):
    """`nexus standby add`. `path`: where its data goes ("" = beside the primary's). `synchronous`, `auto`:
    None means as it is. `discard`: also where the former primary may have the only copy of something.
    """

    path: str = ""
    synchronous: bool | None = None
    auto: bool | None = None
    discard: bool = False


class RemoveRequest(Asked):
    """`nexus standby remove`: the standby, or the folder of a former primary that was not brought back.

    `discard`: also where that may have the only copy of something.
    """

    discard: bool = False


class FailoverRequest(Asked):
    """`nexus failover`. `force`: also where what the standby lacks would be lost."""

    force: bool = False


class AutoRequest(BaseModel):
    """`nexus failover --auto` and `--no-auto`: whether the standby takes over by itself."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    who: str
    auto: bool
