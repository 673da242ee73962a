"""What there is to collect from: told by the control loop, one JSON object a line, whenever it changed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

LogFormat = Literal["json", "haproxy", "nginx", "postgres", "valkey", "plain"]


@dataclass(frozen=True)
class LogSource:
    """One place that a service writes to. `key` names it for ever: checkpoints are kept under it.

    `where` is a file's path, a container's id or a task's id, by `kind`. A "rotating" folder holds files that
    the writer itself rotates (PostgreSQL's); `where` is then a glob.
    """

    key: str
    service: str
    kind: Literal["file", "rotating", "container", "task"]
    where: str
    format: LogFormat
    instance: str = ""
    release: str = ""


@dataclass(frozen=True)
class Instance:
    """One running instance. `address` is the `host:port` under which this machine reaches it ("" = only the
    agent does, inside the containers' network); `pid` is 0 where it is not known here. Times are in seconds
    since the epoch.
    """

    service: str
    id: str
    release: str
    address: str
    pid: int
    container: str
    node: str
    state: str
    since: float
    restarts: int


@dataclass(frozen=True)
class ServiceTarget:
    """What all instances of a service share. `runtime` and `kind` are the manifest's; `port` is where
    its instances listen inside their container, `stable` its stable address on this machine. Empty paths: the
    question is not asked. `secret_files`: name → file, of what the collector itself must know to ask it
    (`check_url` of a database, `redis_url` of a cache).
    """

    name: str
    kind: str
    runtime: str
    port: int
    stable: str
    live: str
    ready: str
    business: str
    metrics: str
    schema: str = ""
    secret_files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Targets:
    """A whole stack as telemetry sees it.

    `agent` is the base address of the agent inside the containers' network, as this machine reaches it ("" on
    plain processes), `agent_token` the file of the secret that it asks for. `kpis` and `processes` are
    manifests' own words: see `nexus.business`.
    """

    stack: str
    root: str
    runtime: Literal["process", "compose", "swarm"]
    agent: str = ""
    services: tuple[ServiceTarget, ...] = ()
    instances: tuple[Instance, ...] = ()
    sources: tuple[LogSource, ...] = ()
    kpis: tuple[Mapping[str, Any], ...] = ()
    processes: Mapping[str, Any] = field(default_factory=dict)
    probes: Mapping[str, Any] = field(default_factory=dict)
    agent_token: str = ""

    def agent_headers(self) -> dict[str, str]:
        """What a request to the agent says, so that it is answered.

        Raises:
            OSError: the secret cannot be read.
        """
        if not self.agent_token:
            return {}
        return {"Authorization": f"Bearer {Path(self.agent_token).read_text().strip()}"}

    def to_line(self) -> str:
        """One line of JSON, without the line's end."""
        return json.dumps(asdict(self), ensure_ascii=False, separators=(",", ":"), default=dict)

    @classmethod
    def from_line(cls, line: str) -> Targets:
        """What `to_line` wrote."""
        told = json.loads(line)
        return cls(
            **{
                **told,
                "services": tuple(ServiceTarget(**each) for each in told["services"]),
                "instances": tuple(Instance(**each) for each in told["instances"]),
                "sources": tuple(LogSource(**each) for each in told["sources"]),
                "kpis": tuple(told["kpis"]),
            }
        )
