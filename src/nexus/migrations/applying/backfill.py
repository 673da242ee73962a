"""A statement carried out in batches: short transactions, each recorded as it commits.

Whoever goes on after a crash repeats nothing and leaves nothing out.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import asyncpg

from nexus.migrations.applying.backends import spoken
from nexus.migrations.applying.backfill_closing import close
from nexus.migrations.applying.backfill_state import State, read_state, write_state
from nexus.migrations.applying.backfill_statement import Batched, batched
from nexus.migrations.applying.backfill_table import Walked, read_table
from nexus.migrations.applying.backfill_text import COUNTED
from nexus.migrations.applying.backfill_walk import KeyWalk, Walk, walk_of
from nexus.migrations.applying.faults import hint
from nexus.migrations.applying.owning import begin, give_back
from nexus.migrations.applying.retry import retry
from nexus.migrations.applying.throttle import Decision, Figures, bounds, decide
from nexus.migrations.applying.throttle_figures import Replicas, with_surroundings
from nexus.migrations.applying.watch import Watch
from nexus.migrations.errors import MigrationBlocked, MigrationFailed
from nexus.migrations.statements import Statement

if TYPE_CHECKING:
    from nexus.migrations.applying.session import Session

_GOES_ON = "what is done is recorded, and applying again goes on from there"
PASSES = 5  # over the table, while each finds fewer rows that others wrote meanwhile


async def run_batches(session: Session, run_id: str, statement: Statement, size: int) -> int:
    """Carry out `statement`, whose step is begun, about `size` rows at a time; return the rows written.

    Goes on where an earlier call was interrupted. Rows that were there at the beginning are taken exactly
    once; so are those that come meanwhile behind the last batch. Where the statement leaves alone what is
    done, it goes over the table until it finds nothing more; while others go on writing what it takes, the
    last pass stops them for a moment.

    Raises:
        MigrationUnreadable: it cannot be carried out in batches.
        MigrationFailed: without a key, its condition takes again what is done; that batch is rolled back.
        MigrationBlocked: others were in the way for longer than `settings.patience`, or write faster than the
            last pass; what is done stays.
        asyncpg.PostgresError, asyncpg.InterfaceError, OSError: any other end.
    """
    batch = batched(statement)
    state = await read_state(session.connection, run_id, statement)
    if state.over:
        return state.rows
    if state.batches:
        session.say("resumed", f"goes on after {_count(state)}", statement.line, **_figures(state))
    state = state.anew() if state.closing else state  # others have written since
    await session.connection.execute(begin(session))
    table = await read_table(session.connection, batch)
    await session.connection.execute("ROLLBACK")
    backfill = _Backfill(session, run_id, batch, table, size, walk_of(batch, table))
    return await backfill.run(replace(state, size=state.size or size))


@dataclass
class _Backfill:
    session: Session
    run_id: str
    batch: Batched
    table: Walked
    asked: int
    walk: Walk
    replicas: Replicas = field(default_factory=Replicas)

    @property
    def statement(self) -> Statement:
        return self.batch.statement

    async def run(self, state: State) -> int:
        while not state.over:
            state, figures = await self._one(state)
            decision = decide(self.session.settings.throttle, self.asked, figures)
            if not state.over:
                decision = await self._make_way(figures)
            self._tell(state, figures, decision)
            state = replace(state, size=decision.size)
            if state.closing:
                state = await self._close(state)
        self._tell_end(state)
        return state.rows

    async def _one(self, state: State) -> tuple[State, Figures]:
        """The next batch, its state committed with it. After each try that was in somebody's way it is half
        as large.
        """
        clock = asyncio.get_running_loop()
        smallest, _ = bounds(self.asked)
        tries: list[Watch] = []

        async def work(watch: Watch) -> tuple[State, Figures]:
            size = max(smallest, state.size >> len(tries))
            tries.append(watch)
            began = clock.time()
            done = await self._write(state, size)
            committing = clock.time()
            await self.session.connection.execute("COMMIT")
            ended = clock.time()
            waited = sum(len(each.waiters) for each in tries)
            return done, Figures(size, committing - began, ended - committing, waited=waited)

        try:
            return await retry(self.session, work, self.statement.line, self.statement.head)
        except MigrationBlocked as blocked:
            raise MigrationBlocked(
                f"{blocked}. Before that it wrote {_count(state)}; {_GOES_ON}"
            ) from blocked
        except asyncpg.PostgresError as error:
            if state.batches:
                hint(
                    error,
                    f"Before that it wrote {_count(state)}, which stay: with --resume it goes on behind them "
                    "as long as its text is the same",
                )
            raise

    async def _write(self, state: State, size: int) -> State:
        connection = self.session.connection
        await connection.execute(begin(self.session))
        part = await self.walk.part(connection, state.last, size)
        rows, leaves = await self._carry_out(part.condition, state.leaves)
        after = state.after(part.last, size, rows, leaves)
        if part.last is None:
            after = self._end_of_pass(after)
        await connection.execute(give_back(self.session))
        await write_state(connection, self.run_id, self.statement, after)
        return after

    async def _carry_out(self, condition: str, leaves: bool | None) -> tuple[int, bool | None]:
        """The rows that it wrote, and whether it leaves alone what is done."""
        counted = self.batch.kind == "UPDATE" and self.batch.conditional and not self.batch.returns
        if not counted or leaves is False:
            done = await self.session.connection.execute(self.batch.within(condition))
            return int(done.rpartition(" ")[2]), False if self.batch.kind == "UPDATE" else leaves
        try:
            row = await self.session.connection.fetchrow(self.batch.within(condition, again=True))
        except asyncpg.PostgresError as error:
            position = getattr(error, "position", None)
            if position:  # as if it were in the author's text, of which messages tell the line
                error.position = str(max(1, int(position) - len(COUNTED)))
            raise
        rows, again = (row["rows"], row["again"]) if row else (0, 0)
        if again and not isinstance(self.walk, KeyWalk):
            raise MigrationFailed(
                f"{self.statement.place}:{self.statement.line}: its WHERE would take {again} of {rows} rows "
                f"again after they are done, and {self.batch.table} has no key to tell them apart; this "
                "batch is rolled back. Give it a primary key, or write a WHERE that leaves out what is done"
            )
        return rows, False if again else True if rows else leaves

    def _end_of_pass(self, state: State) -> State:
        """One more pass is to prove that nothing is left, unless this one has."""
        if not state.found or not self._repeats(state):
            return replace(state, over=True)
        if state.passes < PASSES and (state.passes == 1 or state.found < state.former):
            return state.next_pass()
        return state.next_pass(closing=True) if self.table.lockable else replace(state, over=True)

    def _repeats(self, state: State) -> bool:
        """Whether another pass leaves alone what is done."""
        if self.batch.kind == "INSERT":
            return self.table.ignores
        if not isinstance(self.walk, KeyWalk):
            return True
        return self.batch.conditional and (self.batch.kind == "DELETE" or bool(state.leaves))

    async def _close(self, state: State) -> State:
        async def write() -> State:
            rows, leaves = await self._carry_out("TRUE", state.leaves)
            after = replace(state.after(None, 0, rows, leaves), over=True)
            await self.session.connection.execute(give_back(self.session))
            await write_state(self.session.connection, self.run_id, self.statement, after)
            return after

        return await close(self.session, self.batch, state, write)

    async def _make_way(self, figures: Figures) -> Decision:
        """Pause as the throttle says.

        Raises:
            MigrationBlocked: what is too much stays too much.
        """
        settings, clock = self.session.settings, asyncio.get_running_loop()
        began = clock.time()
        while True:
            figures = await with_surroundings(
                figures, self.session.connection, self.replicas, settings.throttle
            )
            decision = decide(settings.throttle, self.asked, figures)
            if decision.again and clock.time() - began > settings.patience:
                raise MigrationBlocked(
                    f"{self.session.source.module}: migration {self.session.migration.name}: the backfill at "
                    f"{self.statement.place}:{self.statement.line} made way for {spoken(settings.patience)}: "
                    f"{decision.why}; {_GOES_ON}"
                )
            if decision.why:
                self.session.say(
                    "waiting",
                    f"pauses: {decision.why}",
                    self.statement.line,
                    pause=decision.pause,
                    blockers=[],
                )
            await asyncio.sleep(decision.pause)
            if not decision.again:
                return decision

    def _tell(self, state: State, figures: Figures, decision: Decision) -> None:
        share = min(1.0, state.walked / self.table.rows) if self.table.rows else None
        self.session.say(
            "batch",
            f"{_count(state)}{f', {share:.0%} of the table' if share is not None and not state.over else ''}",
            self.statement.line,
            **_figures(state),
            share=1.0 if state.over else share,
            seconds=round(figures.took + figures.commit, 4),
            pause=round(decision.pause, 4),
            why=decision.why,
        )

    def _tell_end(self, state: State) -> None:
        if state.closing:
            end = f"nothing is left that it takes: the last {_rows(state.found)} while others could not write"
        elif not state.found and (state.passes > 1 or self.batch.conditional):
            end = "nothing is left that it takes"
        else:
            end = "rows that others wrote meanwhile, before the last key, were not looked at again"
        self.session.say("progress", f"{_count(state)}; {end}", self.statement.line)


def _count(state: State) -> str:
    return f"{_rows(state.rows)} in {state.batches} batch{'es' * (state.batches != 1)}"


def _rows(count: int) -> str:
    return f"{count} row{'s' * (count != 1)}"


def _figures(state: State) -> dict[str, int]:
    return {"rows": state.rows, "batches": state.batches, "size": state.size, "passes": state.passes}
