"""Adding and removing a standby on another node; each step can be carried out again."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Mapping
from dataclasses import replace

from nexus.control.standby.actions import STREAMS_WITHIN, connected, told
from nexus.control.standby.nodes.emptying import empty, image
from nexus.control.standby.nodes.record import Left
from nexus.control.standby.nodes.seat import NodeSeat
from nexus.control.standby.watching import UNANSWERED
from nexus.plans import Action, Step, StepStopped
from nexus.postgres.synchronous import wait_for
from nexus.render.containers.standby import PASSWORD, Follower
from nexus.runtimes.containers.engine import EngineError
from nexus.runtimes.containers.managers import Managers, Node
from nexus.runtimes.process import accounts
from nexus.runtimes.protocol import StartError
from nexus.standby import StandbyError, settings, taking
from nexus.standby.replication import Look, look

log = logging.getLogger("nexus.control")
POLL = 0.2
ENDS_WITHIN = 75.0


class Adding:
    """The steps. Once `stop` is set, what takes its time is let go of."""

    def __init__(self, seat: NodeSeat, node: Node | None, stop: asyncio.Event) -> None:
        self._seat = seat
        self._node = node
        self._stop = stop

    def all(self) -> Mapping[str, Action]:
        """Action name → what carries it out."""
        found = {
            "admit": self.admit,
            "follow": self.follow,
            "stream": self.stream,
            "dismiss": self.dismiss,
            "discard": self.discard,
        }
        return {name: engine_told(action) for name, action in found.items()}

    async def admit(self, step: Step) -> None:
        """Has the primary know the standby, by a password that no former primary knows: a new standby has no
        way into one that was cut off and is back for a moment.
        """
        records, name = self._seat.records, self._seat.database.name
        number = records.kept.numbers + 1
        secret = self._seat.site.home.secret(name, f"{PASSWORD}@{number}")
        password = secrets.token_urlsafe(32)
        if secret.exists():  # begun before, and cut short
            password = secret.read_text()
        accounts.private_file(secret, password, None)
        secret.chmod(0o644)  # a container's secrets are files that all may read, in a folder that is private
        async with connected(self._seat.url()) as primary:
            await taking.admit(primary, password)

    async def follow(self, step: Step) -> None:
        """Has the managers run it on its node."""
        seat, kept = self._seat, self._seat.records.kept
        assert self._node is not None
        if kept.placed.follower is None:
            number, name = kept.numbers + 1, seat.database.name
            follower = Follower(
                self._node.id, self._node.host, f"{name}-{number}", seat.free_port(), f"{PASSWORD}@{number}"
            )
            kept = replace(kept, numbers=number, placed=replace(kept.placed, follower=follower))
            synchronous, auto = (step.arguments[each] == "True" for each in ("synchronous", "auto"))
            holder = await seat.holder()
            first = kept.first or (holder.id if holder else "")
            seat.records.kept = replace(
                kept, synchronous=synchronous, auto=auto, waited_for=False, first=first
            )
        await seat.runtime(seat.unit).start(seat.unit)

    async def stream(self, step: Step) -> None:
        """Waits until the standby has what the primary has, and commits wait for it where they are to: the
        watch has them do so.
        """
        synchronous, auto = (step.arguments[each] == "True" for each in ("synchronous", "auto"))
        records, give_up = self._seat.records, time.monotonic() + STREAMS_WITHIN
        records.note(synchronous=synchronous, auto=auto and records.kept.waited_for)
        seen = Look()
        while True:
            try:  # the way to the primary is made anew while one to the standby is added
                async with connected(self._seat.url()) as primary:
                    seen = await look(primary)
            except UNANSWERED as error:
                log.info("the primary does not answer now: %s", error or type(error).__name__)
            if seen.streams and (records.kept.waited_for or not synchronous):
                break
            if self._stop.is_set():
                raise StepStopped("it goes on copying by itself; the same command waits for it again")
            if time.monotonic() > give_up:
                service = f"{self._seat.keeper.project(self._seat.site).name}_{self._seat.unit}"
                raise StandbyError(
                    f"the standby does not stream (its slot: {seen.slot or 'none'}); "
                    f"`docker service logs {service}` says why"
                )
            await asyncio.sleep(POLL)
        records.note(auto=auto)

    async def dismiss(self, step: Step) -> None:
        """Stops the standby, and has the primary forget it."""
        seat = self._seat
        seat.records.note(waited_for=False)
        async with connected(seat.url()) as primary:
            await wait_for(primary, settings.NAME, False)
            await seat.keeper.containers(seat.site).stop(seat.unit, 6.0)
            await taking.dismiss(primary)
        kept = seat.records.kept
        follower = kept.placed.follower
        if follower is not None:
            left = Left(follower.node, follower.host, follower.volume, marked=True)
            placed = replace(kept.placed, follower=None)
            seat.records.kept = replace(kept, placed=placed, auto=False, left=(*kept.left, left))
            seat.forget_password(follower)

    async def discard(self, step: Step) -> None:
        """Empties the volumes that are served no more, on the nodes that are there.

        Raises:
            StandbyError: a node is not; says which.
        """
        seat = self._seat
        away = await empty(seat.managers, seat.records, image(seat.database))
        if away:
            raise StandbyError(
                f"{', '.join(away)} is not emptied, for its node does not answer; run `nexus standby remove` "
                "when that is back"
            )


async def gone(managers: Managers, unit: str, limit: float) -> tuple[str, ...]:
    """Waits until no task of a service runs; returns the nodes that are not heard of and had one.

    Raises:
        StandbyError: one still runs on a node that is heard of.
    """
    give_up = time.monotonic() + limit
    while True:
        living = await managers.living(unit)
        cut_off = tuple(each.node.host for each in living if each.node is not None and not each.node.ready)
        if len(cut_off) == len(living):
            return cut_off
        if time.monotonic() > give_up:
            raise StandbyError(f"{unit} has not ended after {limit:.0f} s ({living[0].state})")
        await asyncio.sleep(POLL)


def engine_told(action: Action) -> Action:
    """An action whose failure is told as what it means for the standby."""
    inner = told(action)

    async def carried_out(step: Step) -> None:
        try:
            await inner(step)
        except EngineError as error:
            raise StartError(f"{step.target}: {error}") from error

    return carried_out
