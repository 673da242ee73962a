"""A stack's files for an engine, below its home: rendered anew from what is true now."""

from __future__ import annotations

import hashlib
import os
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from nexus.render.containers.files import COMPOSE, SWARM, ContainerFacts, container_files
from nexus.render.containers.spec import port_variable, release_variable, secrets_owner
from nexus.render.containers.standby import Placed
from nexus.render.containers.telemetry import TARGETS
from nexus.runtimes.containers.units import unit_of
from nexus.runtimes.site import ENDPOINT, Site, secret_names
from nexus.stack import Service
from nexus.stack.names import TELEMETRY, TELEMETRY_TOKEN

FOLDER = "containers"
VARIABLES = ".env"


@dataclass(frozen=True)
class Project:
    """A stack as an engine sees it.

    `releases` are those of the images to run, by service; `registry` (`host:port`) is where nodes
    fetch them from ("" = only this engine has them). `candidates`: service → a release that is let in beside
    the stable one, and in how many containers. `placed`: where the database is that has, or had, a standby.
    """

    site: Site
    releases: Mapping[str, str] = field(default_factory=dict)
    registry: str = ""
    encrypted: bool = True
    candidates: Mapping[str, tuple[Service, int]] = field(default_factory=dict)
    placed: Placed | None = None

    @cached_property
    def name(self) -> str:
        """Its name on the engine: the stack's own, unless its state does not lie beside its manifests."""
        home, root = self.site.home.root, self.site.stack.root
        if home == root / ".nexus":
            return self.site.stack.name
        return f"{self.site.stack.name}-{zlib.crc32(os.fsencode(home)):08x}"

    @property
    def folder(self) -> Path:
        """Where the files lie."""
        return self.site.home.root / FOLDER

    @property
    def compose_file(self) -> Path:
        """The Compose file."""
        return self.folder / COMPOSE

    @property
    def swarm_file(self) -> Path:
        """The stack file of a Swarm."""
        return self.folder / SWARM

    def volume(self, database: str) -> str:
        """The engine's name for the volume with a database's data."""
        placed = self.placed.volume if self.placed is not None else ""
        return f"{self.name}_{placed or database}"

    def become(self, service: Service) -> Project:
        """The stack as it is to be, with this service in place of the one of its name."""
        stack = self.site.stack
        services = tuple(service if each.name == service.name else each for each in stack.services)
        site = replace(self.site, stack=replace(stack, services=services))
        return replace(self, site=site, releases={**self.releases, service.name: service.digest})

    @contextmanager
    def file(self, name: str, only: frozenset[str] | None = None) -> Iterator[Path]:
        """A file of the stack as this project has it: the one on disk where that says the same, or else one
        that lies beside it for a while.
        """
        text, there = self.files(only)[name], self.folder / name
        if there.exists() and there.read_text() == text:
            yield there
            return
        with tempfile.NamedTemporaryFile("w", dir=self.folder, suffix=".yaml") as part:
            part.write(text)
            part.flush()
            yield Path(part.name)

    def files(self, only: frozenset[str] | None = None) -> dict[str, str]:
        """Path in the folder → text; with `only`, of these services alone. Pure."""
        stack = self.site.stack
        secrets = {service.name: secret_names(stack, service) for service in stack.services}
        secrets |= {unit_of(n, "candidate"): secret_names(stack, s) for n, (s, _) in self.candidates.items()}
        facts = ContainerFacts(
            root=str(stack.root),
            secrets=str(self.site.home.secrets),
            project=self.name,
            builds=False,
            only=only,
            encrypted=self.encrypted,
            home=str(self.site.home.root),
            agent=stack.collects,
            candidates=self.candidates,
            placed=self.placed,
        )
        return container_files(stack, secrets, facts)

    def variables(self) -> dict[str, str]:
        """What the files leave open: ports, releases, the registry."""
        found = {port_variable(name): str(port) for name, port in self.site.ports.items()}
        found |= {release_variable(name): release for name, release in self.releases.items()}
        for name, (service, _) in self.candidates.items():
            found[release_variable(unit_of(name, "candidate"))] = service.digest
        return found | {
            "NEXUS_REGISTRY": f"{self.registry}/" if self.registry else "",
            "NEXUS_SECRETS": str(self.site.home.secrets),
            "NEXUS_SECRETS_VERSION": self.secrets_version(),
            "NEXUS_LANG": os.environ.get("NEXUS_LANG", "pt-BR"),
            ENDPOINT: os.environ.get(ENDPOINT, ""),
        }

    def secrets_version(self) -> str:
        """A name for what all secrets hold now: a Swarm never changes a secret under its name."""
        total = hashlib.sha256()
        stack, secret = self.site.stack, self.site.home.secret
        paths = [secret(secrets_owner(s), name) for s in stack.services for name in secret_names(stack, s)]
        for path in (*paths, secret(TELEMETRY, TELEMETRY_TOKEN)):
            total.update(path.read_bytes() if path.exists() else b"")
        return total.hexdigest()[:12]

    def outdated(self) -> frozenset[str]:
        """Proxies, and the agent of telemetry, whose settings on disk are no longer what they should be."""
        found = set()
        for name, text in self.files().items():
            path, owner = self.folder / name, name.partition("/")[0]
            proxy = self.site.stack.has(owner) and self.site.stack.service(owner).kind in ("gateway", "edge")
            if (proxy or name == TARGETS) and path.exists() and path.read_text() != text:
                found.add(owner)
        return frozenset(found)

    def write(self, service: str = "") -> None:
        """Writes the files, of settings those of `service` and those that are not there yet: what a running
        proxy was given stays on disk until it is told of the new. In place: a container keeps the very file
        that it was given.
        """
        for name, text in {**self.files(), VARIABLES: _lines(self.variables())}.items():
            path = self.folder / name
            if "/" in name and name.partition("/")[0] != service and path.exists():
                continue
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
            if not path.exists() or path.read_text() != text:
                path.write_text(text)
                path.chmod(0o644)


def _lines(variables: Mapping[str, str]) -> str:
    return "".join(f"{name}={value}\n" for name, value in sorted(variables.items()))
