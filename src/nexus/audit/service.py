"""A Compose service together with the Dockerfile it is built from and what is known of its image."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from nexus.audit import roles
from nexus.audit.facts.backups import backed_up_by_image
from nexus.audit.facts.images import DATABASES, STORES, ImageFacts, data_folders, facts_of, parse_image
from nexus.audit.facts.servers import CLIENTS, SERVER_PORTS, SERVERS
from nexus.audit.facts.tools import image_has, stage_has
from nexus.audit.readers.dockerfile import Dockerfile, Stage
from nexus.audit.readers.shell import split_words, statements
from nexus.audit.readers.sourcecode import Listening, listening
from nexus.composefile import ComposeService, Place

_GATEWAY = re.compile(r"(^|[-_.])(api-?)?(gateway|gw|kong|krakend|tyk)([-_.]|$)", re.IGNORECASE)


@dataclass(frozen=True)
class Built:
    """What a service is built from: the context (relative when inside the project), the Dockerfile's path."""

    context: Path
    path: Path
    dockerfile: Dockerfile | None
    stage: Stage | None


@dataclass(frozen=True)
class Listens:
    """The ports a service listens on. `certain`: told by the code, PORT or the image, not only declared.

    `possible` are more that variables name, such as a METRICS_PORT.
    """

    ports: frozenset[int]
    certain: bool
    possible: frozenset[int] = frozenset()

    def refuses(self, port: int) -> bool:
        """Tell whether nothing speaks for this port although something is known of others."""
        return bool(self.ports) and port not in self.ports | self.possible


@dataclass(frozen=True)
class AuditedService:
    """One service of one deployment."""

    root: Path
    compose: ComposeService
    built: Built | None
    awaited: bool = False

    @property
    def name(self) -> str:
        return self.compose.name

    @property
    def file(self) -> Path:
        return self.at(self.compose.at)[0]

    @property
    def line(self) -> int:
        return self.compose.at.line

    def at(self, place: Place) -> tuple[Path, int]:
        """Return a place with its file relative to the project's root."""
        for base in (self.root, self.root.resolve()):
            if place.file.is_relative_to(base):
                return place.file.relative_to(base), place.line
        return place.file, place.line

    def place(self, key: str) -> tuple[Path, int]:
        return self.at(self.compose.place(key))

    @cached_property
    def image(self) -> str:
        """The image that runs; for a built one the image it is built on."""
        if self.built is None:
            return self.compose.image or ""
        if self.built.dockerfile and self.built.stage:
            return self.built.dockerfile.base(self.built.stage)
        return ""

    @cached_property
    def facts(self) -> ImageFacts | None:
        """What is known of the image; nothing when a server's image only lends its client programs."""
        return facts_of(self.image) if self.image and not self._is_client else None

    @property
    def _is_client(self) -> bool:
        words = self.compose.command or ()
        shell = words[-1] if len(words) > 2 and words[1].startswith("-") else " ".join(words)
        programs = {each.program for line in statements(shell) for each in line.commands}
        return bool(programs & CLIENTS) and not programs & SERVERS

    @property
    def kind(self) -> str:
        """The job of a known image, or an empty text."""
        return self.facts.kind if self.facts else ""

    @property
    def is_database(self) -> bool:
        return self.kind in DATABASES

    @property
    def is_store(self) -> bool:
        return self.kind in STORES

    @property
    def is_gateway(self) -> bool:
        return bool(_GATEWAY.search(self.name)) and not self.is_store

    @property
    def is_module(self) -> bool:
        """A service of the project's own: built here, or of an image nothing is known of."""
        return self.facts is None or (self.built is not None and self.kind not in STORES | {"nginx", "proxy"})

    @property
    def data_folders(self) -> tuple[str, ...]:
        return data_folders(self.image) if self.image else ()

    @property
    def for_development(self) -> bool:
        """Tell whether only developers start it, by its profiles."""
        return roles.profiles_for_development(self.compose.profiles)

    @property
    def backs_up(self) -> frozenset[str]:
        """The kinds of databases that its image backs up by its own clock."""
        return backed_up_by_image(self.image)

    @property
    def runs_once(self) -> bool:
        """A job rather than a server: another waits for its end, or its restart, name or command say so."""
        if self.awaited:
            return True
        if self.backs_up and self.compose.restart is None:
            return False
        if self.compose.restart in {"no", "on-failure"} or (self.compose.restart or "").startswith(
            "on-failure:"
        ):
            return True
        words = " ".join(self.command_words)
        migrates = re.search(r"migrate deploy|migrate up|db push|alembic upgrade", words)
        alone = migrates is not None and not re.search(r"&&|;|exec ", words)
        return alone or (
            not self.backs_up
            and bool(
                re.search(r"migrat|seed|init|setup|backup|certbot|bootstrap|job|createbucket", self.name)
            )
        )

    @property
    def keeps_data(self) -> bool:
        """Tell whether a database has a volume or a folder for its data."""
        return any(
            self.covers(mount.target) for mount in self.compose.volumes if mount.type in {"volume", "bind"}
        )

    def covers(self, target: str) -> bool:
        """Tell whether a mount at this path holds the data folder or a part of it."""
        target = target.rstrip("/") or "/"
        folders = (*self.data_folders, *self._configured_data)
        return any(f == target or f.startswith(target + "/") or target.startswith(f + "/") for f in folders)

    @property
    def _configured_data(self) -> tuple[str, ...]:
        value = self.env("PGDATA") or self.env("MYSQL_DATADIR")
        return (value,) if value else ()

    def env(self, name: str) -> str | None:
        """Return a variable as the container gets it: Compose's, else the Dockerfile's ENV."""
        found = self.compose.environment.get(name)
        if found is not None:
            return found.text
        return self.image_env.get(name)

    @cached_property
    def image_env(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for each in self.lineage:
            for env in each.all("ENV"):
                found.update(env_pairs(env.value))
        return found

    @property
    def lineage(self) -> tuple[Stage, ...]:
        if self.built is None or self.built.dockerfile is None or self.built.stage is None:
            return ()
        return self.built.dockerfile.lineage(self.built.stage)

    def last(self, instruction: str) -> tuple[str, int] | None:
        """Return the last value of a Dockerfile instruction and its line, over the stages it is built on."""
        for stage in reversed(self.lineage):
            if found := stage.last(instruction):
                return found.value, found.line
        return None

    @cached_property
    def command_words(self) -> tuple[str, ...]:
        """What the container runs: Compose's entrypoint and command, else the image's."""
        words: list[str] = []
        for given, name in ((self.compose.entrypoint, "ENTRYPOINT"), (self.compose.command, "CMD")):
            if given is not None:
                words += given
            elif name == "ENTRYPOINT" or self.compose.entrypoint is None:
                stage = next((s for s in reversed(self.lineage) if s.last(name)), None)
                found = stage.last(name) if stage else None
                words += split_words(found.shell) if found else []
        return tuple(words)

    def has_tool(self, tool: str) -> bool | None:
        """Tell whether the container has a program; None when that is not known."""
        if self.built is not None:
            if self.built.dockerfile is None or self.built.stage is None:
                return None
            return stage_has(self.built.dockerfile, self.built.stage, tool)
        return image_has(self.image, tool) if self.image else None

    @cached_property
    def source(self) -> Listening:
        if self.built is None or not (self.root / self.built.context).is_dir():
            return Listening(False, frozenset())
        folder = self.root / self.built.context
        own = (
            folder / self.built.path.relative_to(self.built.context).parent
            if (self.built.path.is_relative_to(self.built.context))
            else folder
        )
        return listening(own if own != folder and own.is_dir() else folder)

    @cached_property
    def listens(self) -> Listens:
        """Where the service listens, from the most telling evidence that there is."""
        words = " ".join(self.command_words)
        numbers = {int(n) for n in re.findall(r"(?<![\w.])(\d{2,5})(?![\w.])", words)}
        port = _number(self.env("PORT"))
        if self.facts and not self.is_module:
            own = set(self.facts.ports)
            if self.kind in {"nginx", "proxy"}:
                return self._with_named(own | numbers | self._declared, certain=False)
            return self._with_named(own | numbers if own else set(), certain=self.built is None)
        if self.source.reads_port and port:
            return Listens(frozenset({port} | numbers), True)
        if self.source.reads_port and self.source.ports:
            return Listens(self.source.ports | numbers, True)
        default = {number for pattern, number in SERVER_PORTS if re.search(pattern, words)}
        told = self._declared | numbers | self.source.ports
        return self._with_named(told | default if told or default else set(), certain=False)

    def _with_named(self, ports: set[int], certain: bool) -> Listens:
        """Add the ports that variables name: they may be the service's own, and prove nothing alone."""
        names = {*self.compose.environment, *self.image_env}
        named = {number for name in names if "PORT" in name if (number := _number(self.env(name)))}
        return Listens(frozenset(ports), certain, frozenset(ports | named if ports else ()))

    @property
    def _declared(self) -> set[int]:
        found = {port.target for port in self.compose.ports}
        for text in self.compose.expose:
            found |= _range(text)
        for stage in self.lineage:
            for each in stage.all("EXPOSE"):
                for word in each.value.split():
                    value = re.sub(r"^\$\{?(\w+)\}?", lambda m: self.image_env.get(m.group(1), ""), word)
                    found |= _range(value)
        return found

    @property
    def tag(self) -> str:
        return parse_image(self.image).tag


def env_pairs(value: str) -> dict[str, str]:
    """Read the value of an ENV instruction: `A=1 B="2 3"`, or the old `A 1`."""
    if "=" not in value.split(maxsplit=1)[0]:
        name, _, rest = value.partition(" ")
        return {name: rest.strip()}
    pairs = (word.partition("=") for word in split_words(value))
    return {name: text for name, equals, text in pairs if equals}


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdigit() and 0 < int(text) < 65536 else None


def _range(text: str) -> set[int]:
    match = re.match(r"(\d+)(?:-(\d+))?", text)
    if match is None:
        return set()
    first, last = int(match.group(1)), int(match.group(2) or match.group(1))
    return set(range(first, min(last, first + 100) + 1))
