"""A stack out of a backup, in a home of its own: whole or not there."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nexus.business import load_invariants
from nexus.control.addresses import planned
from nexus.control.migrating.sources import server_of
from nexus.control.recovering.apart import set_apart
from nexus.control.restoring.begun import Begun
from nexus.control.restoring.elsewhere.control_state import settle
from nexus.control.restoring.elsewhere.draft import Draft
from nexus.control.restoring.engine import Engine, after
from nexus.control.restoring.proving import prove
from nexus.control.secrets import DERIVED
from nexus.plans import Action, Step
from nexus.recovery.backups.home import unpack
from nexus.recovery.errors import RecoveryError
from nexus.runtimes.home import Home
from nexus.runtimes.protocol import StartError
from nexus.runtimes.site import Site
from nexus.stack import ManifestError, Stack, load_stack

SOURCES = "stack"  # the folder of nexus.yaml in such a home


@dataclass
class Building:
    """The steps of `plan_stack`. `override`: go on though invariants do not hold; `take_over`: it takes the
    place of the stack that it is made from, and is no copy beside it.
    """

    engine: Engine
    begun: Begun
    becoming: Draft
    override: bool = False
    take_over: bool = False
    said: list[str] = field(default_factory=list)

    @property
    def draft(self) -> Path:
        """Where it is made."""
        return self.becoming.place

    def actions(self) -> Mapping[str, Action]:
        """Action name → what carries it out."""
        found = {
            "unpack": self.unpack,
            "restore": self.restore,
            "prove": self.prove,
            "appear": self.appear,
        }
        return {name: _told(act) for name, act in found.items()}

    async def unpack(self, step: Step) -> None:
        """All but the database and the cache, whose streams tell of what may not have happened."""
        home = Home.at(self.draft)
        home.furnish()
        manifest = await self.engine.repository.backup(self.begun.backup)
        await unpack(manifest, self.engine.repository, home, self.draft / SOURCES, self.engine.say)
        await asyncio.to_thread(settle, home.database)
        await asyncio.to_thread(_without_addresses, home)
        if not self.take_over:
            set_apart(home, f"a copy, made by `nexus restore --into {self.becoming.home}`")

    async def restore(self, step: Step) -> None:
        """The database, where the server of that stack will look for it."""
        stack = self._stack()
        data = Home.at(self.draft).data(server_of(stack).name)
        self.begun = after(self.begun, await self.engine.restore(self.begun, data), self.engine.zone)

    async def prove(self, step: Step) -> None:
        """Asks the books; roles get the passwords of the secrets."""
        stack, home = self._stack(), Home.at(self.draft)
        server = server_of(stack)
        site = Site(stack, home, planned(stack, 0))
        invariants = load_invariants(stack).usable
        proof = await prove(home.data(server.name), site, server, invariants, self.begun.at)
        broken = f"{len(proof.broken)} of {proof.asked} invariants do not hold: {'; '.join(proof.why)}"
        if proof.broken and not self.override:
            raise StartError(f"{broken}; choose an earlier target, or go on with --override REASON")
        self.said += [broken] if proof.broken else []

    async def appear(self, step: Step) -> None:
        """Its name says that it is whole."""
        self.becoming.appear()

    def _stack(self) -> Stack:
        try:
            return load_stack(self.draft / SOURCES)
        except ManifestError as error:
            raise StartError(
                f"backup {self.begun.backup} holds no stack that can be read: {error}"
            ) from error


def _without_addresses(home: Home) -> None:
    """Secrets that are made from others tell where those were: the next start makes them anew, and gives all
    secrets to those who read them here.
    """
    for file in home.secrets.glob("*/*"):
        if file.name in DERIVED:
            file.unlink()


def _told(act: Action) -> Action:
    async def carry_out(step: Step) -> None:
        try:
            await act(step)
        except RecoveryError as error:
            raise StartError(str(error)) from error

    return carry_out
