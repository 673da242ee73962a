"""One takeover from its decision to its report: asked for, by itself, or taken up where it was cut short."""

from __future__ import annotations

import asyncio
import logging
import time
from pathlib import Path

import asyncpg

from nexus.control.addresses import Refused
from nexus.control.progress import step_told
from nexus.control.standby.actions import Actions, connected
from nexus.control.standby.archived import lacking
from nexus.control.standby.keeping import START_LIMIT, StandingBy
from nexus.control.standby.outcomes import joined, told
from nexus.control.standby.record import Ended, Record
from nexus.control.standby.requests import FailoverRequest
from nexus.control.standby.taking_over import TakingOver
from nexus.control.standby.watching import CLOSE, Watching, answers
from nexus.control.turn import Emit
from nexus.plans import Journal, Outcome, Plan, StepEvent, execute
from nexus.runtimes.protocol import StartError
from nexus.standby import StandbyError
from nexus.standby.members import former_member
from nexus.standby.planning import Takeover, plan_failover, plan_switchover
from nexus.standby.replication import look
from nexus.standby.seat import Held

log = logging.getLogger("nexus.control")
ITSELF = "the control loop"


class Moving:
    """Moves the seat of the primary to the standby."""

    def __init__(self, standing: StandingBy, watching: Watching, journal: Journal) -> None:
        self._standing = standing
        self._watching = watching
        self._journal = journal

    async def by_operator(self, asked: FailoverRequest, emit: Emit, stop: asyncio.Event) -> None:
        """As `nexus failover` asks for. Once the seat is moved it goes on to the end; `stop` only keeps the
        old primary from being brought back at once.

        Raises:
            Refused: there is no standby, or what it lacks would be lost.
        """
        standing = self._standing
        began = time.monotonic()
        async with standing.lock:
            held = standing.seat.held()
            if held.moving:
                plan, takeover = self._resumed(held)
            else:
                record = self._record()
                alive = await self._alive()
                await self._fit(record, alive, asked.force)
                cause = f"asked by {asked.who}"
                takeover = self._takeover(held, record, cause, alive)
                plan = plan_switchover(takeover) if alive else plan_failover(takeover)
            emit({"event": "plan", "plan": plan.as_dict(), "text": plan.text()})
            if asked.plan_only:
                return
            if held.moving:
                await self._awake(takeover)
            else:
                self._decide(held, takeover)
            since = self._watching.away_since or began
            outcome, more = await self._execute(plan, takeover, asked.who, since, emit, stop)
        emit(told(outcome, more))

    async def by_itself(self, cause: str, since: float) -> None:
        """Because the primary is dead since then (monotonic).

        Raises:
            StartError: the standby did not take over; says what is.
        """
        standing = self._standing
        async with standing.lock:
            held, record = standing.seat.held(), standing.records.standby
            if record is None or not standing.wanted:
                return
            takeover = self._takeover(held, record, cause, False)
            plan = plan_failover(takeover)
            log.warning("%s: the standby takes over", cause)
            self._decide(held, takeover)
            await self._to_the_end(plan, takeover, since)

    async def on(self, cause: str) -> None:
        """Goes on with what was begun.

        Raises:
            StartError: the standby did not take over; says what is.
        """
        async with self._standing.lock:
            held = self._standing.seat.held()
            plan, takeover = self._resumed(held)
            log.warning("decision %d goes on: %s", held.epoch, cause)
            since = time.monotonic() - max(0.0, time.time() - held.at)
            await self._awake(takeover)
            await self._to_the_end(plan, takeover, since)

    async def _awake(self, takeover: Takeover) -> None:
        """The server that takes over runs, or the old one gets its seat back.

        Raises:
            StartError: it does not start; says what is.
        """
        try:
            await self._start(takeover.to)
        except StartError as error:
            more = await TakingOver(self._standing).undo(str(error))
            raise StartError(f"{error}; {more}") from error

    async def _start(self, to: Path) -> None:
        standing = self._standing
        record, primary = standing.records.standby, standing.primary
        if record is not None and record.data == str(to):
            instance = standing.standby or await standing.follow(to)
        elif standing.holder == to.resolve() and (primary is None or primary.running is None):
            assert standing.keeper.supervisor is not None
            instance = standing.keeper.supervisor.want(standing.database)[0]
        else:
            return
        await instance.until_ready(START_LIMIT)

    async def _to_the_end(self, plan: Plan, takeover: Takeover, since: float) -> None:
        outcome, more = await self._execute(
            plan, takeover, ITSELF, since, lambda event: None, asyncio.Event()
        )
        if outcome.exit_code:
            raise StartError(joined(outcome, more))

    async def _execute(
        self, plan: Plan, takeover: Takeover, who: str, since: float, emit: Emit, stop: asyncio.Event
    ) -> tuple[Outcome, str]:
        taking, record = TakingOver(self._standing), self._standing.records.standby
        waited_for = record is not None and record.waited_for
        served: list[float] = []

        def tell(event: StepEvent) -> None:
            if event.kind == "done" and event.step.action == "verify":
                served.append(time.monotonic())
            emit(step_told(event))

        actions = {**Actions(self._standing, stop).all(), **taking.all()}
        outcome = await execute(plan, actions, self._journal, who, tell, asyncio.Event())
        if not served:
            more = await taking.undo(f"it could not be finished: {outcome.sentence()}")
            return outcome, more
        kind = "switchover" if takeover.lossless else "failover"
        seconds = served[0] - (taking.without_since or since)
        ended = self._ended(kind, takeover, taking, waited_for, seconds)
        self._standing.records.last = ended
        emit({"event": "took_over", **vars(ended)})
        log.warning("the standby took over after %.2f s (decision %d)", seconds, takeover.epoch)
        return outcome, ""

    def _ended(
        self, kind: str, takeover: Takeover, taking: TakingOver, waited_for: bool, seconds: float
    ) -> Ended:
        lost, written = taking.lost, self._watching.last_written()
        commits: int | None = None
        missing: int | None = None
        if lost is not None:
            commits, missing = lost.commits, max(0, lost.end - taking.has)
        elif written is not None and taking.has:
            missing = max(0, written - taking.has)
        kept = waited_for or commits == 0
        return Ended(time.time(), kind, takeover.epoch, takeover.cause, commits, missing, kept, seconds)

    def _decide(self, held: Held, takeover: Takeover) -> None:
        try:
            self._standing.seat.move(held, takeover.holder, takeover.to, takeover.cause)
        except StandbyError as error:
            raise Refused(str(error)) from error

    def _takeover(self, held: Held, record: Record, cause: str, lossless: bool) -> Takeover:
        return self._of(self._standing.holder, Path(record.data), held.epoch + 1, cause, lossless)

    def _resumed(self, held: Held) -> tuple[Plan, Takeover]:
        takeover = self._of(Path(held.holder), Path(held.moving), held.epoch, held.why, False)
        return plan_failover(takeover), takeover

    def _of(self, holder: Path, to: Path, epoch: int, cause: str, lossless: bool) -> Takeover:
        """A holder that is a folder in the place of the link is put aside; any other stays where it is."""
        home, name = self._standing.site.home, self._standing.database.name
        in_place = holder == home.data(name).parent.resolve() / name
        aside = former_member(home, name, epoch) if in_place else holder
        return Takeover(name, holder, to, aside, epoch, cause, lossless)

    def _record(self) -> Record:
        record = self._standing.records.standby
        if record is None:
            raise Refused("there is no standby to take over; add one with `nexus standby add`")
        instance = self._standing.standby
        if instance is None or instance.running is None:
            raise Refused(
                "the standby does not run, so it cannot take over; see `nexus standby status` and its log"
            )
        return record

    async def _alive(self) -> bool:
        primary = self._standing.primary
        supervisor = self._standing.keeper.supervisor
        assert supervisor is not None
        if primary is None or primary.running is None:
            return False
        return answers(await supervisor.prober.health(primary.service, primary.slot.port))

    async def _fit(self, record: Record, alive: bool, force: bool) -> None:
        """Whether nothing acknowledged is lost, as far as can be known.

        Raises:
            Refused: it would be, or may be.
        """
        if alive:
            try:
                async with connected(self._standing.url()) as primary:
                    seen = await look(primary)
            except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                raise Refused(f"the primary lives but cannot be asked ({error}); try again") from error
            if not seen.streams or seen.behind > CLOSE:
                raise Refused(
                    f"the standby is {seen.behind} bytes behind and {seen.state or 'does not stream'}; "
                    "wait until it has caught up: `nexus standby status`"
                )
            if (left := seen.written - seen.replayed) > CLOSE:
                raise Refused(
                    f"the standby has {left} bytes of WAL to replay, for which writes would have to wait; "
                    "wait until it has: `nexus standby status`"
                )
        elif not (record.waited_for or force):
            if not self._watching.close_behind(record):
                raise Refused(
                    "the standby was not close behind when the primary was last seen: what it lacks is lost "
                    "unless the old primary's disk can be read; `--force` takes over all the same"
                )
            since = self._watching.away_since or time.monotonic()
            if missing := await lacking(self._standing, record, since):
                raise Refused(f"{missing}; `--force` takes over all the same")
