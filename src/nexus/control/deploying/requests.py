"""What operators ask for: kept with the deployment, so that whoever takes it up again asks for the same."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from nexus.stack.manifest import Strategy
from nexus.stack.units import Duration

Percent = Annotated[int, Field(ge=1, le=100)]


class Steering(BaseModel):
    """Who wants something of the deployment that is under way."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    who: str


class Asked(BaseModel):
    """What every request has: who asks, and for which services."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    who: str
    services: Annotated[tuple[str, ...], Field(min_length=1)]
    plan_only: bool = False

    @model_validator(mode="after")
    def _each_once(self) -> Asked:
        if len(set(self.services)) != len(self.services):
            raise ValueError("a module is named twice; name each once")
        return self


class Sources(Asked):
    """Which content is meant: a known release, an image, a revision, or else what the sources hold now.

    `version` with nothing else names a known release, and where none has that name, names the new one.
    """

    version: str = ""
    image: str = ""
    release: str = ""
    ref: str = ""

    @model_validator(mode="after")
    def _one_source(self) -> Sources:
        named = [name for name in ("image", "release", "ref") if getattr(self, name)]
        if len(named) > 1:
            raise ValueError(f"--{named[0]} and --{named[1]} exclude each other; name one")
        if self.release and self.version:
            raise ValueError("--release and --version exclude each other; name one")
        return self


class BuildRequest(Sources):
    """`nexus release build`."""


class DeployRequest(Sources):
    """`nexus deploy`. What is None is as the manifest of the release says; times in seconds."""

    strategy: Strategy | None = None
    steps: tuple[Percent, ...] | None = None
    hold: Duration | None = None
    bake: Duration | None = None
    force: bool = False
    override: str = ""

    @model_validator(mode="after")
    def _steps_rise(self) -> DeployRequest:
        if self.steps is not None and (
            list(self.steps) != sorted(set(self.steps)) or self.steps[-1:] != (100,)
        ):
            raise ValueError("steps must rise and end with 100; write them like 5,25,100")
        return self


class RollbackRequest(Asked):
    """`nexus rollback`. `to` is a release's id or version; "" = the last one that was healthy."""

    to: str = ""

    @model_validator(mode="after")
    def _one_module(self) -> RollbackRequest:
        if len(self.services) > 1:
            raise ValueError("a rollback names one module; what must go with it is found by itself")
        return self
