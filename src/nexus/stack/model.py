"""The Stack: what should run. Immutable; built by `load_stack`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from nexus.stack import graph
from nexus.stack.digest import content_digest, text_digest
from nexus.stack.errors import Fault, ManifestError, suggest
from nexus.stack.freeze import Freeze
from nexus.stack.kpi import Kpi
from nexus.stack.manifest import (
    Database,
    Events,
    Health,
    Kind,
    Needs,
    Resources,
    Rollout,
    Runtime,
    Scale,
    ServiceManifest,
)
from nexus.stack.migrating import MigrationPolicy
from nexus.stack.probe import Probe
from nexus.stack.process import Process
from nexus.stack.recovering import RecoveryPolicy

BRICK_FILE = "module.yaml"


@dataclass(frozen=True)
class Task:
    """A tool of the stack, run by `nexus NAME`. `path` (absolute) goes on the tool's Python path."""

    name: str
    command: tuple[str, ...]
    title: Mapping[str, str]
    path: Path | None


@dataclass(frozen=True)
class Service:
    """One service that is on. Sizes are in bytes, durations in seconds, `cpus` in cores.

    `folder` holds what it runs from: the brick's own folder, or the copy that is its release. `place` is the
    brick's folder below the stack's, `shared_places` those of `shared`. `secrets_version` names the set of
    secrets it is given ("" = the first). `pinned`: the image that one release runs instead of the manifest's.
    """

    name: str
    kind: Kind
    title: Mapping[str, str]
    runtime: Runtime
    command: tuple[str, ...]
    image: str | None
    port: int
    fallback_port: int | None
    container_port: int | None
    volumes: Mapping[str, str]
    needs: Needs
    routes: tuple[str, ...]
    public: tuple[str, ...]
    upstreams: Mapping[str, str]
    health: Health
    jwks: str | None
    database: Database | None
    secrets: tuple[str, ...]
    env: Mapping[str, str]
    resources: Resources
    rollout: Rollout
    scale: Scale
    events: Events
    folder: Path
    invariants: Path | None
    manifest: Path
    shared: tuple[Path, ...] = ()
    kpis: tuple[Kpi, ...] = ()
    declared: str = ""
    version: str = ""
    place: str = ""
    secrets_version: str = ""
    shared_places: tuple[str, ...] = ()
    pinned: str = ""
    totals: Path | None = None

    @classmethod
    def build(
        cls,
        found: ServiceManifest,
        folder: Path,
        manifest: Path,
        shared: tuple[Path, ...],
        kpis: tuple[Kpi, ...] = (),
        place: str = "",
        shared_places: tuple[str, ...] = (),
    ) -> Service:
        """Build a service from its validated manifest. A module's folder is part of its release."""
        command = found.command
        if not command and found.runtime == "python":
            command = ("python", "-m", f"nexus_{found.name.replace('-', '_')}")
        brick = manifest.name == BRICK_FILE
        invariants, totals = folder / found.invariants, folder / found.totals
        return cls(
            name=found.name,
            kind=found.kind,
            title=found.title or {"en": found.name},
            runtime=found.runtime,
            command=command,
            image=found.image,
            port=found.port,
            fallback_port=found.fallback_port,
            container_port=found.container_port,
            volumes=found.volumes,
            needs=found.needs,
            routes=found.routes,
            public=found.public,
            upstreams=found.upstreams,
            health=found.health,
            jwks=found.jwks,
            database=found.database,
            secrets=found.secrets,
            env=found.env,
            resources=found.resources,
            rollout=found.rollout,
            scale=found.scale,
            events=found.events,
            folder=folder,
            invariants=invariants if brick and invariants.is_dir() else None,
            totals=totals if brick and totals.is_dir() else None,
            manifest=manifest,
            shared=shared,
            kpis=kpis,
            # How a service is watched is no part of what runs.
            declared=found.model_dump_json(by_alias=True, exclude_defaults=True, exclude={"kpis"}),
            version=found.version or "",
            place=place,
            shared_places=shared_places,
        )

    @property
    def inner_port(self) -> int:
        """Where an instance listens inside its container."""
        return self.container_port or self.port

    @property
    def is_brick(self) -> bool:
        """Whether the service has a folder with a manifest of its own (infrastructure has not)."""
        return self.manifest.name == BRICK_FILE

    @property
    def migrations(self) -> Path | None:
        """The folder of the migrations of this service's schema."""
        return self.folder / self.database.migrations.path if self.database else None

    @property
    def release(self) -> str:
        """What tells releases apart: the digest of the content, and the version of the secrets."""
        return f"{self.digest}-{self.secrets_version}" if self.secrets_version else self.digest

    @property
    def secrets_folder(self) -> str:
        """The name of the folder that holds the set of secrets it is given."""
        return f"{self.name}@{self.secrets_version}" if self.secrets_version else self.name

    @cached_property
    def digest(self) -> str:
        """12 hexadecimal digits over what the service runs from: its folder, or its entry in `nexus.yaml`."""
        content = content_digest([self.folder, *self.shared]) if self.is_brick else text_digest(self.declared)
        return text_digest(f"{content} {self.pinned}") if self.pinned else content

    def made_of(self, folder: Path, shared: tuple[Path, ...]) -> Service:
        """The service as it runs from copies of its folder and its shared parts."""
        return replace(self, folder=folder, shared=shared, manifest=folder / self.manifest.name)

    def with_secrets(self, version: str) -> Service:
        """The service as it is given another set of secrets; `version` "" is the first."""
        return replace(self, secrets_version=version)

    def pin(self, image: str) -> Service:
        """The service as it runs from another image than its manifest names."""
        return replace(self, image=image, pinned=image)


@dataclass(frozen=True)
class Stack:
    """What should run: the services that are on, infrastructure included, and what surrounds them.

    `collects`: whether telemetry is taken in. `keep`: of a signal, its `age` (seconds) and `size` (bytes),
    where they are not the usual ones.
    """

    name: str
    root: Path
    services: tuple[Service, ...]
    off: tuple[str, ...] = ()
    title: Mapping[str, str] = field(default_factory=dict)
    processes: Mapping[str, Process] = field(default_factory=dict)
    probes: Mapping[str, Probe] = field(default_factory=dict)
    tasks: Mapping[str, Task] = field(default_factory=dict)
    invariants: Path | None = None
    totals: Path | None = None
    recovery: RecoveryPolicy = field(default_factory=lambda: RecoveryPolicy(places={}))
    freezes: Mapping[str, Freeze] = field(default_factory=dict)
    migrations: MigrationPolicy = field(default_factory=MigrationPolicy)
    policies: Mapping[str, Any] = field(default_factory=dict)
    entities: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    collects: bool = True
    keep: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    file: Path = Path("nexus.yaml")

    @cached_property
    def _by_name(self) -> dict[str, Service]:
        return {service.name: service for service in self.services}

    def has(self, name: str) -> bool:
        """Whether a service of this name is on."""
        return name in self._by_name

    def service(self, name: str) -> Service:
        """Return a service that is on. Raises KeyError with a hint when there is none."""
        try:
            return self._by_name[name]
        except KeyError:
            state = "is off" if name in self.off else "is not part of this stack"
            raise KeyError(f"{name!r} {state}; {suggest(name, self._by_name)}") from None

    def of_kind(self, *kinds: Kind) -> tuple[Service, ...]:
        """Return the services of these kinds, in the stack's order."""
        return tuple(service for service in self.services if service.kind in kinds)

    def levels(self, soft: bool = True) -> tuple[tuple[Service, ...], ...]:
        """Return the order of starting: each level needs only earlier ones.

        Hard needs always count. With `soft`, soft needs count too wherever they close no circle.
        """
        edges = graph.ordering(self._hard(), self._soft() if soft else {})
        return tuple(tuple(self._by_name[name] for name in level) for level in graph.levels(edges))

    def dependents(
        self, name: str, kind: Literal["hard", "soft", "any"] = "hard", transitive: bool = True
    ) -> tuple[Service, ...]:
        """Return who needs `name`, in the stack's order."""
        edges: dict[str, set[str]] = {service.name: set() for service in self.services}
        for wanted, part in (("hard", self._hard()), ("soft", self._soft())):
            if kind in (wanted, "any"):
                for service, needed in part.items():
                    edges[service] |= needed
        found = graph.reach_back(edges, self.service(name).name, transitive)
        return tuple(service for service in self.services if service.name in found)

    def degraded(self) -> tuple[tuple[Service, str], ...]:
        """Return each service that runs degraded, with the soft need it misses."""
        return tuple((s, need) for s in self.services for need in s.needs.soft if not self.has(need))

    def subset(self, names: Iterable[str]) -> Stack:
        """Return the stack of only these bricks, with the infrastructure they need.

        An edge stays when something it passes requests to stays. Raises ManifestError when a name is unknown
        or a brick's hard need is left out.
        """
        wanted = list(dict.fromkeys(names))
        unknown = [name for name in wanted if not self.has(name)]
        if unknown:
            raise ManifestError(
                Fault(
                    self.file, 0, "modules", f"{name!r} is not on in this stack", suggest(name, self._by_name)
                )
                for name in unknown
            )
        chosen = {*wanted}
        for service in self.services:
            if not service.is_brick and (
                any(service.name in self._by_name[name].needs.hard for name in wanted)
                or chosen & set(service.upstreams.values())
            ):
                chosen.add(service.name)
        missing = [
            (self._by_name[n], need)
            for n in chosen
            for need in self._by_name[n].needs.hard
            if need not in chosen
        ]
        if missing:
            raise ManifestError(
                Fault(
                    service.manifest,
                    0,
                    "needs.hard",
                    f"{service.name} needs {need}",
                    f"add {need} or leave {service.name} out",
                )
                for service, need in missing
            )
        return replace(
            self,
            services=tuple(s for s in self.services if s.name in chosen),
            off=tuple(sorted({*self.off, *(s.name for s in self.services if s.name not in chosen)})),
        )

    def _hard(self) -> dict[str, set[str]]:
        return {s.name: {need for need in s.needs.hard if self.has(need)} for s in self.services}

    def _soft(self) -> dict[str, set[str]]:
        return {s.name: {need for need in s.needs.soft if self.has(need)} for s in self.services}
