"""A database that has, or had, a standby on another node of a Swarm: where its data lie, and who follows it.

Nothing of this is written down while no standby was ever added.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from nexus.render.containers.spec import SECRETS, SETTINGS, ContainerSpec, HealthCheck
from nexus.render.containers.stores import POSTGRES_PORT, SUPERUSER
from nexus.render.templating import plain, templates
from nexus.stack import Service, Stack

DECISION_LABEL = "nexus.decision"
FOLDER = "/var/lib/postgresql"  # the volume; the image keeps PGDATA below it
PASSWORD = "standby_password"
SCRIPT = "standby.sh"


@dataclass(frozen=True)
class Follower:
    """A standby. `node`: the id of its node, `host` that node's name; `port`: of the managers' loopback, that
    leads to it; `secret`: the name of the database's secret that holds its password.
    """

    node: str
    host: str
    volume: str
    port: int
    secret: str


@dataclass(frozen=True)
class Placed:
    """Where the primary is. `node`: its id, `host`: its name ("" = the node that is labelled to hold data);
    `volume` ("" = the first one); `decision`: the number of the last one; `stopped`: another takes its place.
    """

    decision: int = 0
    node: str = ""
    host: str = ""
    volume: str = ""
    stopped: bool = False
    follower: Follower | None = None


def unit_of_follower(database: str) -> str:
    """The engine's name for the standby of a database."""
    return f"{database}-standby"


def placed_specs(specs: tuple[ContainerSpec, ...], placed: Placed) -> tuple[ContainerSpec, ...]:
    """The containers of a stack, its one database where it is now, and its standby. Pure."""
    found = []
    for spec in specs:
        if spec.service is None or spec.service.runtime != "postgres":
            found.append(spec)
            continue
        volumes = {path: placed.volume or name for path, name in spec.volumes.items()}
        replicas = 0 if placed.stopped else spec.replicas
        found.append(
            replace(spec, node=placed.node, decision=placed.decision, volumes=volumes, replicas=replicas)
        )
        if placed.follower is not None:
            found.append(_follower(spec, spec.service, placed.follower))
    return tuple(found)


def placed_files(stack: Stack, placed: Placed) -> dict[str, str]:
    """What the standby is started with, by file beside the stack's."""
    database = next((each for each in stack.services if each.runtime == "postgres"), None)
    if database is None or placed.follower is None:
        return {}
    values = {
        "primary": plain("name", database.name),
        "port": POSTGRES_PORT,
        "secret": f"{SECRETS}/{PASSWORD}",
        "settings": SETTINGS,
    }
    text = templates().get_template("standby.sh.j2").render(values)
    return {f"{unit_of_follower(database.name)}/{SCRIPT}": text}


def _follower(primary: ContainerSpec, service: Service, follower: Follower) -> ContainerSpec:
    """It lives while it copies or replays, however long that takes."""
    name = unit_of_follower(service.name)
    asked = f"pg_isready -q -h 127.0.0.1 -U {SUPERUSER} -d postgres; [ $? -le 1 ] || [ -e /tmp/copying ]"
    ask = ("CMD-SHELL", asked)
    return replace(
        primary,
        name=name,
        entrypoint=("bash", f"{SETTINGS}/{SCRIPT}"),
        command=(),
        environment={"LANG": "C.UTF-8", "TZ": "UTC"},
        secrets={PASSWORD: f"{service.name}/{follower.secret}"},
        settings={**primary.settings, f"{SETTINGS}/{SCRIPT}": f"{name}/{SCRIPT}"},
        volumes={FOLDER: follower.volume},
        published=(),
        health=HealthCheck(ask, ask, ask, retries=5),
        node=follower.node,
        replicas=1,
    )
