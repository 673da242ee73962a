"""Facts: what is. Plain values, read by `observe`, judged by the planners."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from nexus.releases.facts import MigrationFacts

State = Literal["ready", "starting", "degraded", "down"]
Side = Literal["stable", "candidate"]


@dataclass(frozen=True)
class InstanceFacts:
    """One instance as it is. `since` and `pid` are of the present process; `why` is what it lacks.

    `knows`: the services whose addresses it was given when it started; None where it cannot be known.
    `container` and `node`: the container it is, and the node of the Swarm that it runs on ("" for processes);
    `task`: the Swarm's own name for it. `side`: whether it is of the release that is being let in.
    """

    id: str
    pid: int
    port: int
    release: str
    state: State
    since: float
    restarts: int = 0
    why: str = ""
    knows: frozenset[str] | None = frozenset()
    container: str = ""
    node: str = ""
    task: str = ""
    side: Side = "stable"

    @property
    def alive(self) -> bool:
        """Whether a process or a container of it runs."""
        return self.pid > 0 or (bool(self.container) and self.state != "down")


@dataclass(frozen=True)
class AgentFacts:
    """What the agent of telemetry should be: its release, and why that must be built first ("" if it is)."""

    release: str
    unbuilt: str = ""


@dataclass(frozen=True)
class SchemaFacts:
    """What is to be done to one schema that something must be known of: `pending` in order; `held`: those of
    them that must not be applied now, and why. `failed`: what failed in it, and how to mend that ("" = none).
    """

    pending: tuple[MigrationFacts, ...] = ()
    held: Mapping[str, str] = field(default_factory=dict)
    failed: str = ""


@dataclass(frozen=True)
class Facts:
    """What is, of one stack on this machine.

    `initialised`: databases whose data folder is complete. `pending`: migrations not yet applied, by service;
    None where it cannot be known (the database does not run); `schemas`: more of those, where there is
    something pending or it cannot be known. `secrets_missing`: files by service.
    `keys`: whether the gateway's verification keys are known. `outdated`: running proxies whose configuration
    is no longer what it should be. `unbuilt`: services whose release must be built before it can start, and
    why. `stale`: running services that were given secrets which are no longer true. `remains`: what is left
    of a stack when its services are gone, and must be removed ("" for nothing). `agent`: None
    where there is to be none.
    """

    ports: Mapping[str, int]
    instances: Mapping[str, tuple[InstanceFacts, ...]] = field(default_factory=dict)
    initialised: frozenset[str] = frozenset()
    pending: Mapping[str, tuple[str, ...] | None] = field(default_factory=dict)
    schemas: Mapping[str, SchemaFacts] = field(default_factory=dict)
    secrets_missing: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    keys: bool = True
    outdated: frozenset[str] = frozenset()
    unbuilt: Mapping[str, str] = field(default_factory=dict)
    stale: frozenset[str] = frozenset()
    remains: str = ""
    notes: tuple[str, ...] = ()
    agent: AgentFacts | None = None

    def of(self, service: str) -> tuple[InstanceFacts, ...]:
        """The instances of a service that run."""
        return tuple(instance for instance in self.instances.get(service, ()) if instance.alive)

    def ready(self, service: str) -> int:
        """How many instances of a service's stable release are ready."""
        return sum(1 for i in self.of(service) if i.state == "ready" and i.side == "stable")
