"""The shape of `module.yaml`: everything a stranger needs to run one brick."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from nexus.stack.kpi import KpiManifest
from nexus.stack.migrating import Migrations
from nexus.stack.parts import Identifier, Name, Part, Title
from nexus.stack.units import Duration, Size

Kind = Literal["module", "database", "cache", "gateway", "edge"]
Strategy = Literal["canary", "rolling", "blue-green", "recreate"]
Runtime = Literal["python", "node", "image", "command", "haproxy", "nginx", "postgres", "valkey"]

UrlPath = Annotated[str, Field(pattern=r"^/[A-Za-z0-9._~/-]*$")]
PublicPath = Annotated[str, Field(pattern=r"^/[A-Za-z0-9._~/-]*\*?$")]
EventType = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$")]
ContainerPath = Annotated[str, Field(pattern=r"^/[A-Za-z0-9._/-]+$")]
VolumeSource = Annotated[str, Field(pattern=r"^(\.?/[A-Za-z0-9._ /-]*|[a-z0-9][a-z0-9_.-]*)$")]
Port = Annotated[int, Field(ge=1, le=65535)]


def _text(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value


Text = Annotated[str, BeforeValidator(_text)]


class Needs(Part):
    """Hard: without it this service cannot serve. Soft: it serves, degraded."""

    hard: tuple[Name, ...] = ()
    soft: tuple[Name, ...] = ()


class Health(Part):
    """Paths asked with GET; an empty `live` or `ready` means that an open port is enough."""

    live: UrlPath | Literal[""] = "/health/live"
    ready: UrlPath | Literal[""] = "/health/ready"
    business: UrlPath | None = None
    metrics: UrlPath | Literal[""] | None = Field(
        default=None,
        description="Prometheus' text; default: /metrics of what runs on python or node, else nothing",
    )


class Database(Part):
    """The one schema this service owns, and no other."""

    schema_: Identifier = Field(alias="schema")
    migrations: Migrations = Migrations()
    criticality: Literal["critical", "high", "normal", "low"] = "normal"


class Resources(Part):
    """Limits of one instance: memory in bytes (written `256M`), cpus in cores."""

    memory: Size = 256 * 1024**2
    cpus: Annotated[float, Field(gt=0, le=256)] = 1.0


class Hooks(Part):
    """Commands run once, as tasks of the new release: before it gets any request, and when it has all."""

    before: tuple[Text, ...] = ()
    after: tuple[Text, ...] = ()


class Rollout(Part):
    """How a new release is let in: `steps` are percentages of the traffic."""

    strategy: Strategy = "rolling"
    steps: tuple[Annotated[int, Field(ge=1, le=100)], ...] = (100,)
    sticky: bool = Field(default=False, description="the same user or address always meets the same release")
    start: Duration = Field(default=60.0, description="how long a new instance may take to be ready")
    settle: Duration = Field(
        default=2.0,
        description="how long it must stay ready before it gets requests; in containers, where strategy is "
        "rolling: before a former instance goes",
    )
    hold: Duration = Field(default=10.0, description="how long each step is judged at least")
    patience: Duration = Field(default=300.0, description="how long a step may wait for enough evidence")
    bake: Duration = Field(default=30.0, description="how long it is watched once it has all requests")
    drain: Duration = Field(
        default=35.0, description="how long requests in flight on the former release may take"
    )
    hooks: Hooks = Hooks()

    @model_validator(mode="after")
    def _steps_rise(self) -> Rollout:
        if list(self.steps) != sorted(set(self.steps)) or self.steps[-1:] != (100,):
            raise ValueError("steps must rise and end with 100; write them like [5, 25, 100]")
        return self


class Scale(Part):
    """How many instances run: at least `min`, at most `max`."""

    min: Annotated[int, Field(ge=1, le=100)] = 1
    max: Annotated[int, Field(ge=1, le=100)] = 1

    @model_validator(mode="before")
    @classmethod
    def _max_follows_min(cls, values: Any) -> Any:
        if isinstance(values, Mapping) and "max" not in values and isinstance(values.get("min"), int):
            return {**values, "max": values["min"]}
        return values

    @model_validator(mode="after")
    def _min_not_above_max(self) -> Scale:
        if self.min > self.max:
            raise ValueError(f"min {self.min} is above max {self.max}; lower min or raise max")
        return self


class Events(Part):
    """Facts this service tells others, and those it listens to, by the service that tells them."""

    publishes: tuple[EventType, ...] = ()
    consumes: Mapping[Name, tuple[EventType, ...]] = {}


class ServiceManifest(Part):
    """One service: `module.yaml`, or an entry under `infrastructure:` of `nexus.yaml`."""

    name: Name
    kind: Kind = "module"
    title: Title = Field({})
    runtime: Runtime
    version: Annotated[str, Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z._+-]{0,39}$")] | None = Field(
        None, description="what people call the present release; its content is what tells releases apart"
    )
    command: tuple[Text, ...] = ()
    image: str | None = None
    port: Port
    fallback_port: Port | None = Field(None, description="tried when `port` needs a privilege we lack")
    container_port: Port | None = Field(
        None, description="image only: where it listens inside its container; default: `port`"
    )
    volumes: Mapping[ContainerPath, VolumeSource] = Field(
        {}, description="image only: path in the container -> a volume's name, or a path like ./folder"
    )
    needs: Needs = Needs()
    routes: tuple[UrlPath, ...] = Field((), description="path prefixes the gateway passes to this service")
    public: tuple[PublicPath, ...] = Field((), description="paths, or /prefix/*, that need no token")
    upstreams: Mapping[UrlPath, Name] = Field({}, description="edge only: path prefix -> service")
    health: Health = Health()
    jwks: UrlPath | None = Field(None, description="where the gateway's verification keys come from")
    database: Database | None = None
    secrets: tuple[Identifier, ...] = ()
    env: Mapping[Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")], Text] = {}
    resources: Resources = Resources()
    rollout: Rollout = Rollout()
    scale: Scale = Scale()
    events: Events = Events()
    invariants: str = "invariants"
    totals: str = "totals"
    kpis: tuple[KpiManifest, ...] = ()

    @model_validator(mode="after")
    def _runnable(self) -> ServiceManifest:
        if self.runtime in ("command", "node") and not self.command:
            raise ValueError(
                f"runtime {self.runtime!r} needs `command`; write `command: [program, argument]`"
            )
        if self.runtime == "image" and not self.image:
            raise ValueError("runtime 'image' needs `image`; write `image: repository:tag`")
        if self.runtime != "image" and (self.volumes or self.container_port):
            raise ValueError("`volumes` and `container_port` belong to `runtime: image` only; remove them")
        if self.upstreams and self.kind != "edge":
            raise ValueError("`upstreams` belongs to `kind: edge` only; use `routes`")
        return self
