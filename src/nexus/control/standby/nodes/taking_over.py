"""The standby takes the primary's place on another node: each step can be repeated.

The order is the safety. First the managers agree that the service runs nowhere, by the number of this
decision: from then on none of them starts the old primary. A node that was cut off cannot be told; there the
primary may live on, but acknowledges nothing, because each of its commits waits for the standby, which
follows it no more once it is a primary itself, and whose password nobody gets a second time.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import asyncpg

from nexus.control.standby.actions import connected
from nexus.control.standby.nodes.adding import ENDS_WITHIN, engine_told, gone
from nexus.control.standby.nodes.emptying import image
from nexus.control.standby.nodes.record import Left
from nexus.control.standby.nodes.seat import NodeSeat
from nexus.plans import Action, Step
from nexus.postgres.synchronous import put, waited_for
from nexus.render.containers.standby import DECISION_LABEL, FOLDER
from nexus.runtimes.containers.engine import EngineError
from nexus.runtimes.containers.managers import Node, Told, decision_of, stopped, tasks_of, volumes_of
from nexus.standby import StandbyError, promoting, settings
from nexus.standby.errors import NotFenced, SeatTaken

log = logging.getLogger("nexus.control")
HUNG_ENDS_WITHIN = 20.0  # seconds that a primary has to end whose commits wait for the standby anyway
WRITES_WITHIN = 60.0
_RECEIVED = "SELECT coalesce(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()) - '0/0'::pg_lsn"
_DROP = """
SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1 AND NOT active
"""
MARK = """\
data=$(find {folder} -maxdepth 3 -name PG_VERSION -path '*/*/docker/PG_VERSION' -printf '%h')
[ -n "$data" ] || exit 0
touch "$data/standby.signal"
echo 'another server took its place: it is served no more' > "$data/nexus.fenced"
sync
"""


class TakingOver:
    """The steps of one takeover. `holder`: the old primary's node; `has`: how far the standby had come, in
    bytes of WAL (0: nobody knows); `cut_off`: the nodes on which the old primary may still live.
    """

    def __init__(self, seat: NodeSeat, holder: Node | None, waited: bool) -> None:
        self._seat = seat
        self._holder = holder
        self._waited = waited
        self.has = 0
        self.cut_off: tuple[str, ...] = ()

    def all(self) -> Mapping[str, Action]:
        """Action name → what carries it out."""
        found = {
            "fence": self.fence,
            "promote": self.promote,
            "hand_over": self.hand_over,
            "serve": self.serve,
            "verify": self.verify,
            "retire": self.retire,
            "mark": self.mark,
        }
        return {name: engine_told(action) for name, action in found.items()}

    async def fence(self, step: Step) -> None:
        """Has the managers run the primary nowhere.

        Raises:
            SeatTaken: another decision was made meanwhile.
            NotFenced: it may go on acknowledging.
        """
        managers, unit, decision = self._seat.managers, self._seat.database.name, _number(step)
        found = await self._primary(decision)
        if self._serves(found):
            return
        if decision_of(found, DECISION_LABEL) != decision or tasks_of(found):
            await managers.order(found, stopped(decision, DECISION_LABEL))
        try:
            self.cut_off = await gone(managers, unit, HUNG_ENDS_WITHIN if self._waited else ENDS_WITHIN)
        except StandbyError as error:
            if not self._waited:
                raise NotFenced(f"{error}; nothing takes its place before it has ended") from error
            log.warning("%s: it acknowledges nothing, for its commits wait for the standby", error)
        if self.cut_off and not self._waited and step.arguments["forced"] != "True":
            raise NotFenced(
                f"{', '.join(self.cut_off)} is cut off, and the primary there may go on acknowledging, for "
                "its commits do not wait for the standby; cut its power, then `nexus failover --force`"
            )
        for host in self.cut_off:
            log.warning("%s is cut off: its primary was not seen to end", host)

    async def promote(self, step: Step) -> None:
        """Makes the standby a primary, unless it was one and is stopped already."""
        seat, decision = self._seat, _number(step)
        if await self._handed_over(decision):
            return
        found = await self._primary(decision)
        if decision_of(found, DECISION_LABEL) != decision or tasks_of(found):
            raise SeatTaken(f"decision {decision} does not hold any more; look at `nexus standby status`")
        async with connected(seat.url(seat.follower.port)) as standby:
            if await standby.fetchval("SELECT pg_is_in_recovery()"):
                self.has = int(await standby.fetchval(_RECEIVED) or 0)
            seat.records.note(promoted=True)  # from here on it may be one, whatever it answers
            await promoting.promote(standby)
            await put(standby, set(await waited_for(standby)) - {settings.NAME})
            await standby.execute(_DROP, settings.NAME)

    async def hand_over(self, step: Step) -> None:
        """Stops it in order: two servers never work in one volume."""
        seat, decision = self._seat, _number(step)
        if self._serves(await self._primary(decision)):
            return
        found = await seat.managers.service(seat.unit)
        if found is not None and decision_of(found, DECISION_LABEL) != decision:
            await seat.managers.order(found, stopped(decision, DECISION_LABEL))
        if cut_off := await gone(seat.managers, seat.unit, ENDS_WITHIN):
            raise StandbyError(f"{', '.join(cut_off)} was cut off while the standby there was stopped")

    async def serve(self, step: Step) -> None:
        """Runs the service of the primary from the standby's volume, under its old name."""
        seat, found = self._seat, await self._primary(_number(step))
        if self._serves(found):
            return
        follower, project = seat.follower, seat.keeper.project(seat.site)
        source = f"{project.name}_{follower.volume}"

        def change(spec: dict[str, Any]) -> None:
            spec["Mode"] = {"Replicated": {"Replicas": 1}}
            template = spec["TaskTemplate"]
            placement = {**(template.get("Placement") or {})}
            template["Placement"] = {**placement, "Constraints": [f"node.id == {follower.node}"]}
            for mount in template["ContainerSpec"]["Mounts"]:
                if mount["Target"] == FOLDER:
                    mount["Source"] = source

        await seat.managers.order(found, change)

    async def verify(self, step: Step) -> None:
        """Proves that it takes writes, and remembers where it is."""
        seat = self._seat
        await promoting.write(seat.url(), f"decision {step.arguments['decision']}", WRITES_WITHIN)
        kept, follower = seat.records.kept, seat.follower
        left = (Left(self._holder.id, self._holder.host, seat.volume),) if self._holder else ()
        placed = replace(
            kept.placed,
            node=follower.node,
            host=follower.host,
            volume=follower.volume,
            stopped=False,
            follower=None,
        )
        seat.records.kept = replace(
            kept, placed=placed, moving="", waited_for=False, auto=False, left=(*kept.left, *left)
        )
        seat.forget_password(follower)

    async def retire(self, step: Step) -> None:
        """Takes the standby's service away."""
        seat = self._seat
        await seat.runtime(seat.database.name).stop(seat.unit, 1.0)

    async def mark(self, step: Step) -> None:
        """Marks the old primary's volume; where its node is cut off, that is done when it is back."""
        await mark_left(self._seat)

    async def undo(self, why: str) -> str:
        """The old primary is one again, where the standby certainly did not become one; says what is."""
        seat, kept = self._seat, self._seat.records.kept
        if not kept.moving:
            return ""
        if kept.promoted or not await self._follows():
            return "`nexus failover` goes on where it stopped"
        decision = kept.placed.decision + 1
        try:
            found = await seat.managers.service(seat.database.name)
            if found is not None:

                def change(spec: dict[str, Any]) -> None:
                    stopped(decision, DECISION_LABEL)(spec)
                    spec["Mode"] = {"Replicated": {"Replicas": 1}}

                await seat.managers.order(found, change)
        except EngineError as error:
            return f"the old primary cannot be started again: {error}; `nexus failover` goes on"
        placed = replace(kept.placed, decision=decision, stopped=False)
        seat.records.kept = replace(kept, placed=placed, moving="")
        return f"the old primary runs again ({why})"

    async def _follows(self) -> bool:
        """Whether the standby is one for certain."""
        try:
            async with connected(self._seat.url(self._seat.follower.port)) as standby:
                return bool(await standby.fetchval("SELECT pg_is_in_recovery()"))
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, StandbyError):
            return False

    async def _primary(self, decision: int) -> Told:
        """The service of the primary, which no later decision has changed."""
        found = await self._seat.managers.service(self._seat.database.name)
        if found is None:
            raise StandbyError(f"the Swarm has no service of {self._seat.database.name}; see `nexus status`")
        if decision_of(found, DECISION_LABEL) > decision:
            raise SeatTaken(f"decision {decision} does not hold any more; look at `nexus standby status`")
        return found

    async def _handed_over(self, decision: int) -> bool:
        seat = self._seat
        if self._serves(await self._primary(decision)):
            return True
        return decision_of(await seat.managers.service(seat.unit), DECISION_LABEL) == decision

    def _serves(self, found: Told) -> bool:
        """Whether the primary is served from the standby's volume already."""
        seat = self._seat
        source = f"{seat.keeper.project(seat.site).name}_{seat.follower.volume}"
        return source in volumes_of(found)


async def mark_left(seat: NodeSeat) -> None:
    """Marks what is served no more, on the nodes that are there.

    Raises:
        StartError, EngineError: it could not be marked.
    """
    nodes = {each.id: each for each in await seat.managers.nodes() if each.ready and each.active}
    for left in seat.records.kept.left:
        if left.marked or left.node not in nodes:
            continue
        script = MARK.format(folder=FOLDER)
        await seat.managers.job(
            "standby-mark", nodes[left.node], left.volume, FOLDER, image(seat.database), script
        )
        kept = seat.records.kept
        seat.records.note(left=tuple(replace(e, marked=True) if e == left else e for e in kept.left))


def _number(step: Step) -> int:
    return int(step.arguments["decision"])
