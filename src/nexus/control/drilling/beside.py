"""A whole stack that runs beside the living one, on other ports."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nexus.control.drilling.room import SOURCES
from nexus.control.migrating.sources import server_of
from nexus.control.rehearsing.able import imaged, unable
from nexus.control.rehearsing.commands import Commands, Said
from nexus.control.rehearsing.homes import free_offset
from nexus.control.releasing import overlaid
from nexus.control.secrets import ADMIN_URL
from nexus.releases import Catalogue
from nexus.releases.artefact import ArtefactError
from nexus.runtimes.home import Home
from nexus.runtimes.protocol import StartError
from nexus.stack import ManifestError, Stack, load_stack

ATTEMPTS = 2  # of ports: others may be quicker to take them
REFUSED = 2  # the exit code of `nexus up` when it was not begun


@dataclass
class Beside:
    """`place`: its home, as `nexus restore --into` made it. `unable`: service → why it cannot run here."""

    place: Path
    offset: int = 0
    unable: Mapping[str, str] = field(default_factory=dict)

    @property
    def home(self) -> Home:
        """Where its state lies."""
        return Home.at(self.place)

    @property
    def root(self) -> Path:
        """Where its manifests lie."""
        return self.place / SOURCES

    @property
    def commands(self) -> Commands:
        """`nexus` for it."""
        return Commands(self.home, self.root)

    @property
    def stack(self) -> Stack:
        """What its manifests say.

        Raises:
            StartError: they cannot be read.
        """
        try:
            return load_stack(self.root)
        except ManifestError as error:
            raise StartError(f"the restored manifests cannot be read: {error}") from error

    @property
    def released(self) -> Stack:
        """What runs: each service as its stable release has it, whatever its sources hold.

        Raises:
            StartError: an artefact is gone.
        """
        with closing(Catalogue(self.home.database)) as catalogue:
            try:
                return overlaid(self.stack, catalogue.stable(), catalogue, self.home)
            except ArtefactError as error:
                raise StartError(str(error)) from error

    @property
    def url(self) -> str:
        """The superuser's address of its database. Raises OSError when there is none yet."""
        service = server_of(self.stack)
        return self.home.secret(service.secrets_folder, ADMIN_URL).read_text().strip()

    @property
    def data(self) -> Path:
        """The folder of its database."""
        return self.home.data(server_of(self.stack).name)

    async def prepare(self) -> None:
        """Finds out what can run here.

        Raises:
            StartError: nothing can.
        """
        stack = self.stack
        others = sorted(name for name, each in imaged(stack).items() if each.kind != "module")
        if others:
            raise StartError(f"{', '.join(others)} does not run as a plain process on this machine")
        with closing(Catalogue(self.home.database)) as catalogue:
            stable = [catalogue.find(name, id) for name, id in catalogue.stable().items()]
        self.unable = await unable(stack, self.home, stable)

    async def up(self) -> Said:
        """Starts it, its ports moved; returns how that went."""
        stack = self.stack
        tried: list[int] = []
        able = [each.name for each in stack.of_kind("module", "gateway") if each.name not in self.unable]
        only = ("--only", ",".join(able)) if self.unable else ()
        while True:
            self.offset = await asyncio.to_thread(free_offset, stack, tried)
            moved = ("--runtime", "process", "--port-offset", str(self.offset))
            said = await self.commands.run("up", *moved, *only)
            tried.append(self.offset)
            if said.code != REFUSED or len(tried) == ATTEMPTS:
                return said

    async def status(self) -> Mapping[str, Any]:
        """What `nexus status --json` says."""
        return (await self.commands.run("status", "--json", limit=60.0)).json()

    async def port(self, service: str) -> int:
        """Where a service listens. Raises StartError when it does not."""
        for each in (await self.status()).get("services", ()):
            if each["name"] == service and each.get("port"):
                return int(each["port"])
        raise StartError(f"{service} has no port")
