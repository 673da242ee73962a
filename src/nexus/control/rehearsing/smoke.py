"""Each running release against the new schema: whole stacks on the copy, one after another."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, replace

from nexus.control.rehearsing.able import imaged, unable
from nexus.control.rehearsing.commands import Commands
from nexus.control.rehearsing.homes import furnish
from nexus.control.rehearsing.trial import WHOLE, Trial, ready, smoke_of
from nexus.migrations.rehearsing.report import Smoke
from nexus.migrations.rehearsing.scratch import Scratch
from nexus.migrations.rehearsing.sentence import Say, Sentence, unsaid
from nexus.releases import Catalogue, Release
from nexus.runtimes.home import Home
from nexus.runtimes.site import Site


@dataclass(frozen=True)
class Smoking:
    """What is tried: the stack of `living`, its services as their releases have them.

    `service`: the database's name. `candidates`: module → a release that runs beside the stable one. `say`
    gets what happens.
    """

    living: Site
    service: str
    candidates: tuple[tuple[str, str], ...] = ()
    say: Say = unsaid

    async def __call__(self, there: Scratch, offended: frozenset[str]) -> tuple[Smoke, ...]:
        """Tries all; the scratch server is stopped, and its data is used up. `offended`: invariants that do
        not hold on the copy anyway.
        """
        stable = self._stable()
        if not stable:
            why = "nothing is released yet; `nexus up` makes the first releases"
            return (Smoke(WHOLE, "", "", "skipped", why),)
        images = imaged(self.living.stack).items()
        others = sorted(name for name, each in images if each.kind != "module")
        if others:
            why = f"{', '.join(others)} does not run as a plain process"
            return tuple(smoke_of(each, "skipped", why) for each in stable.values())
        await there.cluster.stop()
        home = await asyncio.to_thread(furnish, self.living.home, there, self.service)
        commands = Commands(home, self.living.stack.root)
        lacking = await unable(self.living.stack, home, stable.values())
        if stable.keys() <= lacking.keys():
            return tuple(smoke_of(each, "skipped", lacking[name]) for name, each in stable.items())
        trial = Trial(self.living.stack, commands, lacking, offended, self.say)
        try:
            found = await trial.round(stable)
            for module, release in self.candidates:
                await commands.run("down")
                found += await trial.round(_let_in(home, module, release))
        finally:
            trouble = await asyncio.shield(commands.take_down(self.living.stack.name))
        if trouble:
            self.say(Sentence("the stack on the copy was not taken down orderly: {why}", why=trouble))
        return await self._without_known(found)

    async def _without_known(self, found: tuple[Smoke, ...]) -> tuple[Smoke, ...]:
        """A release that is not ready on the living stack either says nothing of the new schema."""
        if not any(each.state == "failed" and each.release for each in found):
            return found
        said = await Commands(self.living.home, self.living.stack.root).run("status", "--json", limit=60.0)
        status = said.json()
        why = "it is not ready on the living stack either"
        return tuple(
            replace(each, state="skipped", sentence=f"{why}: {each.sentence}")
            if each.state == "failed" and each.release and status and not ready(status, each.module)
            else each
            for each in found
        )

    def _stable(self) -> dict[str, Release]:
        """Module → its stable release."""
        if not self.living.home.database.exists():
            return {}
        with closing(Catalogue(self.living.home.database)) as catalogue:
            found = {name: catalogue.find(name, id) for name, id in catalogue.stable().items()}
        modules = {service.name for service in self.living.stack.of_kind("module")}
        return {name: release for name, release in found.items() if name in modules}


def _let_in(home: Home, module: str, release: str) -> Mapping[str, Release]:
    """Puts a release in the place of the stable one."""
    with closing(Catalogue(home.database)) as catalogue:
        catalogue.make_stable({module: release}, "rehearsed")
        return {module: catalogue.find(module, release)}
