"""The shape of `nexus.yaml`: what belongs to no single brick."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from nexus.stack.freezing import FreezeManifest
from nexus.stack.manifest import Runtime, Text
from nexus.stack.migrating import MigrationPolicy
from nexus.stack.parts import Name, Part, Title
from nexus.stack.probe import ProbeManifest
from nexus.stack.process import ProcessManifest
from nexus.stack.recovering import RecoveryPolicy
from nexus.stack.units import Duration, Size

_SWITCH = {"on": True, "off": False, "true": True, "false": False}


def _switch(value: Any) -> Any:
    if isinstance(value, str) and value.lower() in _SWITCH:
        return _SWITCH[value.lower()]
    if isinstance(value, bool):
        return value
    raise ValueError(f"{value!r} is neither on nor off; write on or off")


Switch = Annotated[
    bool,
    BeforeValidator(_switch),
    Field(json_schema_extra={"anyOf": [{"enum": ["on", "off"]}, {"type": "boolean"}]}),
]


class TaskManifest(Part):
    """A tool of this stack: `nexus NAME ...` runs it. The folder `path` goes on its Python path."""

    command: tuple[Text, ...] = Field(min_length=1)
    title: Title = Field({})
    path: str | None = None


class KeepManifest(Part):
    """How long and how much of one signal is kept; what is not given stays as it is by default."""

    age: Duration | None = Field(None, description="for example 14d")
    size: Size | None = Field(None, description="bytes on disk, for example 4G")


class TelemetryManifest(Part):
    """Whether and how long telemetry is kept, and what operators search it by: things, each with the
    attributes of log lines and spans that name it.
    """

    collect: Switch = True
    keep: Mapping[Literal["logs", "traces", "metrics", "health", "business"], KeepManifest] = {}
    entities: Mapping[Name, Annotated[tuple[Text, ...], Field(min_length=1)]] = Field(
        {}, description="for example `order: [order_id, order_number]`: `nexus logs --order 4711`"
    )


class StackManifest(Part):
    """`nexus.yaml`."""

    name: Name
    title: Title = Field({})
    bricks: tuple[str, ...] = Field(("modules/*",), description="folders (or globs) that hold a module.yaml")
    modules: Mapping[Name, Switch] = Field({}, description="a brick that is not mentioned is on")
    infrastructure: Mapping[Name, Mapping[str, Any]] = {}
    shared: Mapping[Runtime, tuple[str, ...]] = Field(
        {}, description="files and folders that are part of every release of that runtime"
    )
    processes: Mapping[Name, ProcessManifest] = {}
    probes: Mapping[Name, ProbeManifest] = {}
    freezes: Mapping[Name, FreezeManifest] = Field(
        {}, description="when releases of which services are not to change"
    )
    migrations: MigrationPolicy = Field(
        default=MigrationPolicy(), description="how careful changes of schemas are applied"
    )
    recovery: RecoveryPolicy = Field(
        default=RecoveryPolicy(places={}), description="what a disaster may cost, and where backups go"
    )
    invariants: str = "invariants"
    totals: str = "totals"
    tasks: Mapping[Name, TaskManifest] = {}
    policies: Mapping[str, Any] = {}
    telemetry: TelemetryManifest = TelemetryManifest(entities={})
    version: Literal[1] = 1
