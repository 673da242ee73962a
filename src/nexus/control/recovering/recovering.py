"""Recovery inside the control loop: the watch, the schedule, and the operations that clients ask for."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from nexus.control.addresses import Refused
from nexus.control.drilling.schedule import Nights
from nexus.control.migrating.sources import server_of
from nexus.control.recovering.backups import SCHEDULE, Backups
from nexus.control.recovering.desk import Desk
from nexus.control.recovering.looking import Looker
from nexus.control.recovering.requests import CreateRequest, Wish
from nexus.control.recovering.schedule import due
from nexus.control.recovering.standing import Standing
from nexus.control.recovering.verifying import Verifying
from nexus.control.recovering.watching import Watch
from nexus.control.turn import Turn
from nexus.recovery.errors import RecoveryError
from nexus.runtimes.protocol import StartError

if TYPE_CHECKING:
    from nexus.control.world import World

log = logging.getLogger("nexus.control")

LOOK_EVERY = 10.0  # seconds
ASK_PLACES_EVERY = 300.0  # seconds
SETTLED = 60.0  # seconds that a database serves before the first backup of all is taken
EVENT = "recovery.backup-failed"


class Recovering:
    """One stack's recovery. Backups are taken by schedule only while no operation changes the stack; one that
    begins meanwhile is not held up.
    """

    def __init__(
        self, world: World, turn: Turn, standby: Callable[[], Mapping[str, Any] | None] = lambda: None
    ) -> None:
        self._world = world
        self._turn = turn
        self._standby = standby
        self._watch = Watch(world.tell)
        self._looker: Looker | None = None
        self._work: asyncio.Task[None] | None = None
        self._serves_since: float | None = None
        self._nights = Nights(world.home)
        self.backups = Backups(lambda: Desk.of(world), world.home.database)
        self._verifying = Verifying(world.home, self.backups.runs)

    async def keep_for_ever(self) -> None:
        """Looks, and takes what is due, until it is cancelled."""
        self.backups.runs.settle()
        while True:
            try:
                await self._once()
            except Exception:
                log.exception("looking at recovery failed; it is tried again in %g s", LOOK_EVERY)
            await asyncio.sleep(LOOK_EVERY)

    async def interrupt(self) -> None:
        """Cuts short what is under way: the stack is taken down, or the control loop ends."""
        await asyncio.gather(self.backups.interrupt(), self._nights.interrupt(), self._verifying.interrupt())
        if self._work is not None:
            await asyncio.wait([self._work])

    def close(self) -> None:
        """Lets go of the files."""
        self.backups.close()

    async def _once(self) -> None:
        site = self._world.site
        if site is None:
            return
        if self._looker is None or self._looker.desk.site is not site:
            self._looker = Looker(Desk(site), self.backups.runs, ASK_PLACES_EVERY, self._standby)
        if not self._looker.desk.began:
            return
        standing = await self._watch.look(self._looker)
        if standing is not None and self._may_begin(bool(standing.facts.backups)):
            self._begin(standing)

    def _may_begin(self, has_backup: bool) -> bool:
        """Whether the database serves, and nobody changes the stack or backs it up. The very first backup
        waits until the stack has settled.
        """
        assert self._looker is not None
        server = server_of(self._looker.desk.stack).name
        serves = any(each.state == "ready" for each in self._world.keeper.instances().get(server, ()))
        if not serves:
            self._serves_since = None
            return False
        self._serves_since = self._serves_since or time.monotonic()
        settled = has_backup or time.monotonic() - self._serves_since >= SETTLED
        idle = not self._turn.holder and not self._world.ending.is_set() and not self._world.leaving.is_set()
        return settled and idle and self._work is None and not self.backups.busy

    def _begin(self, standing: Standing) -> None:
        facts = standing.facts
        runs = [run for run in facts.runs if run.what in ("full", "incremental") and run.state != "running"]
        ended = [each.ended for each in facts.runs if each.what == "restore" and each.state == "done"]
        restored = max((each for each in ended if each is not None), default=None)
        found = due(facts.policy.schedule, facts.backups, runs, facts.gap, facts.now, facts.kit, restored)
        if found is None:
            assert self._looker is not None
            root = self._looker.desk.stack.root
            self._nights.look(root, facts)
            if not self._nights.busy:
                self._verifying.look(root, facts)
            return
        log.info("a backup is due (%s, %s)", found.kind, found.why)
        kind: Wish = "full" if found.kind == "full" else "auto"
        asked = CreateRequest(who=SCHEDULE, kind=kind, due=found.at)
        self._work = asyncio.create_task(self._take(asked), name="scheduled backup")
        self._work.add_done_callback(self._ended)

    async def _take(self, asked: CreateRequest) -> None:
        def told(event: dict[str, Any]) -> None:
            if event["event"] == "said":
                log.info("backup: %s", event["sentence"])
            elif event["event"] == "outcome":
                made = event["backup"]
                level = logging.INFO if event["exit_code"] in (0, 130) else logging.ERROR
                sentence = f"{made['id']}, {made['bytes']} bytes" if made else event["sentence"]
                log.log(level, "%s: %s", "backup" if level == logging.INFO else EVENT, sentence)

        try:
            await self.backups.create(asked, told, asyncio.Event())
        except (Refused, RecoveryError, StartError) as error:
            log.error("%s: %s", EVENT, error)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._work = None
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("%s: %s: %s", EVENT, type(error).__name__, error, exc_info=error)
