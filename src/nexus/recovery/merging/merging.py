"""Rows into the living database: one transaction, which holds all of it or nothing.

The owner's rights suffice where they see all rows of a table. Locks are not waited for long: after two
seconds all is rolled back and tried again, so that nobody queues behind it. Killed at any moment, nothing of
it is there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import asyncpg

from nexus.business import Invariant
from nexus.migrations.applying.patience import pause_after
from nexus.migrations.quoting import identifier
from nexus.migrations.rehearsing.sentence import Say, Sentence, unsaid
from nexus.recovery.errors import MergeRefused, RecoveryFailed
from nexus.recovery.merging.difference import Difference
from nexus.recovery.merging.judging import newly_broken, offenders, unasked
from nexus.recovery.merging.merged import Merged
from nexus.recovery.merging.referring import refuse_carried, refuse_dragged
from nexus.recovery.merging.refusing import NOTHING, gone, refusal
from nexus.recovery.merging.session import GUARDS, as_owner, connected, settle
from nexus.recovery.merging.spool import Part, Spool
from nexus.recovery.merging.statements import Statements
from nexus.recovery.merging.tables import Table, read_tables

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

LOCK_TIMEOUT = 2.0  # seconds
PATIENCE = 60.0
_IN_THE_WAY = ("55P03", "40P01", "40001")
UNKNOWN = "whether it was committed is not known; compare again"
_HOLDERS = """
SELECT DISTINCT format('%s %s of %s, for %s s', coalesce(nullif(application_name, ''), 'session'), a.pid,
    usename, extract(epoch FROM now() - xact_start)::int)
FROM pg_locks AS l JOIN pg_stat_activity AS a USING (pid)
WHERE l.granted AND l.relation = ANY ($1::regclass[]) AND pid <> pg_backend_pid()
    AND l.mode NOT IN ('AccessShareLock') AND xact_start < now() - interval '1 second'
"""


@dataclass
class Merge:
    """One merge. `url`: the superuser's address of the living database. `override`: whether it is committed
    though it breaks invariants; `bypass`: whether triggers that somebody wrote rest meanwhile.
    """

    url: str = field(repr=False)
    difference: Difference
    spool: Spool
    invariants: Sequence[Invariant] = ()
    override: bool = False
    bypass: bool = False
    say: Say = unsaid
    patience: float = PATIENCE

    async def run(self) -> Merged:
        """Does it.

        Raises:
            MergeRefused: the database, a trigger or an invariant does not let it; nothing was changed.
            RecoveryFailed: others held locks for too long, or the server went away; nothing was changed. Or
                the connection was lost while it committed: the message says that nobody knows.
        """
        clock = asyncio.get_running_loop()
        give_up, tries = clock.time() + self.patience, 0
        while True:
            try:
                async with connected(self.url, self.difference.schema, GUARDS) as connection:
                    return await self._transaction(connection)
            except asyncpg.PostgresError as error:
                if gone(error):
                    raise RecoveryFailed(f"the database went away: {error}; {NOTHING}") from error
                if error.sqlstate not in _IN_THE_WAY:
                    raise MergeRefused(f"{self.difference.module}: {error}; {NOTHING}") from error
                tries += 1
                pause = pause_after(tries, LOCK_TIMEOUT / 8)
                if clock.time() + pause > give_up:
                    raise RecoveryFailed(
                        f"{await self._holders()} held rows or tables for longer than {self.patience:g} s; "
                        f"{NOTHING}. Try again, or end them"
                    ) from error
                self.say(Sentence("others hold what is needed; tried again in {s:.1f} s", s=pause))
                await asyncio.sleep(pause)
            except (OSError, asyncpg.InterfaceError) as error:
                raise RecoveryFailed(f"the database went away: {error}; {NOTHING}") from error

    async def _transaction(self, connection: Connection) -> Merged:
        """On one snapshot: what others commit meanwhile is neither seen nor laid at this one's door."""
        transaction = connection.transaction(isolation="repeatable_read")
        await transaction.start()
        try:
            merged = await self._merged(connection)
        except BaseException:
            if not connection.is_closed():
                await transaction.rollback()
            raise
        try:
            await transaction.commit()
        except (OSError, asyncpg.InterfaceError, asyncpg.PostgresError) as error:
            if isinstance(error, asyncpg.PostgresError) and not gone(error):
                raise
            raise RecoveryFailed(f"the database went away while it committed: {error}; {UNKNOWN}") from error
        return merged

    async def _merged(self, connection: Connection) -> Merged:
        await settle(connection, self.difference.schema, LOCK_TIMEOUT)
        tables = await self._tables(connection)
        before = await offenders(connection, self.invariants)
        work = [Statements(tables[each.table], each) for each in self.difference.ordered()]
        for each in work:
            await self._stage(connection, each)
        resting = [each for each in work if self.bypass and each.firing()]
        for each in resting:
            await self._attempt(connection, each, each.triggers(enable=False))
        away = [await self._take_away(connection, each) for each in reversed(work)]
        wrote = [await self._write(connection, each) for each in work]
        await self._settle_constraints(connection, work)
        for each in resting:
            await connection.execute(each.triggers(enable=True))
        differ = [await self._differing(connection, *pair) for pair in zip(work, wrote, strict=True)]
        after = await offenders(connection, self.invariants)
        blind = unasked(before, after)
        if blind and self.bypass:
            raise MergeRefused(f"{NOTHING}: all invariants must hold, and {'; '.join(blind)}")
        broken = newly_broken(self.invariants, before, after)
        if broken and not (self.override and not self.bypass):
            how = "" if self.bypass else ", or go on with --override REASON"
            raise MergeRefused(
                f"{NOTHING}: it would break {len(broken)} of {len(self.invariants)} invariants: "
                f"{'; '.join(each.sentence() for each in broken)}. Choose rows that belong together{how}"
            )
        put, back = (sum(pair[n] for pair in wrote) for n in range(2))
        kept = self.difference.written - put - back - sum(away)
        names = tuple(each.name for each in broken)
        return Merged(back, put, sum(away), kept, names, sum(differ), blind)

    async def _tables(self, connection: Connection) -> Mapping[str, Table]:
        """As they are now: the same as when they were compared."""
        tables = await read_tables(connection, self.difference.schema)
        for each in self.difference.ordered():
            now = tables.get(each.table)
            names = set() if now is None else {column.name for column in now.columns if not column.generated}
            if now is None or now.key != each.key or not names.issuperset(each.columns):
                raise MergeRefused(
                    f"{each.table} is another table than when it was compared: {NOTHING}; compare again"
                )
        return tables

    async def _stage(self, connection: Connection, work: Statements) -> None:
        found = work.found
        parts: dict[Part, int] = {"gone": found.back, "changed": found.put, "added": found.away}
        for part, count in parts.items():
            if count:
                if not await asyncio.to_thread(self.spool.whole, found.file, part, found.sums.get(part)):
                    raise MergeRefused(f"what was compared is not there any more; {NOTHING}: compare again")
                await connection.execute(work.stage(part))
                tag = await connection.copy_to_table(
                    work.staging(part),
                    source=self.spool.part(found.file, part),
                    schema_name="pg_temp",
                    format="text",
                )
                if _count(tag) != count:
                    raise MergeRefused(
                        f"{count} rows of {found.table} were spooled and {_count(tag)} are there; {NOTHING}: "
                        "compare again"
                    )
                await connection.execute(f"ANALYZE {identifier('pg_temp', work.staging(part))}")

    async def _take_away(self, connection: Connection, work: Statements) -> int:
        if not work.found.away:
            return 0
        async with as_owner(connection, work.table):
            await self._attempt(connection, work, work.hold())
        await refuse_dragged(connection, work, {each.table for each in self.difference.tables})
        async with as_owner(connection, work.table):
            return _count(await self._attempt(connection, work, work.take_away()))

    async def _write(self, connection: Connection, work: Statements) -> tuple[int, int]:
        """How many rows were put back, and how many brought back."""
        if not work.found.put and not work.found.back:
            return 0, 0
        await refuse_carried(connection, work)
        async with as_owner(connection, work.table):
            try:
                row = await connection.fetchrow(work.write())
                if work.found.back:
                    for column in work.table.columns:
                        if column.sequence is not None and column.name in work.found.columns:
                            await connection.execute(work.advance(column))
            except asyncpg.PostgresError as error:
                raise self._refusal(error, work) from error
        assert row is not None
        return row["put"], row["back"]

    async def _differing(self, connection: Connection, work: Statements, wrote: tuple[int, int]) -> int:
        """How many of the rows written are not as they were then: a trigger had a hand in it."""
        parts: tuple[tuple[Part, int], ...] = (("changed", wrote[0]), ("gone", wrote[1]))
        same = [int(await connection.fetchval(work.as_then(part))) for part, count in parts if count]
        return sum(wrote) - sum(same)

    async def _settle_constraints(self, connection: Connection, work: Sequence[Statements]) -> None:
        """What is checked at the end is checked now, before the invariants are asked."""
        try:
            await connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
        except asyncpg.PostgresError as error:
            name = getattr(error, "table_name", None)
            raise self._refusal(error, next((w for w in work if w.table.name == name), work[0])) from error

    async def _attempt(self, connection: Connection, work: Statements, statement: str) -> str:
        try:
            return await connection.execute(statement)
        except asyncpg.PostgresError as error:
            raise self._refusal(error, work) from error

    def _refusal(self, error: asyncpg.PostgresError, work: Statements) -> Exception:
        if error.sqlstate in _IN_THE_WAY or gone(error):
            return error
        chosen = [each.table for each in self.difference.tables]
        return refusal(error, work.table.name, chosen, () if self.bypass else work.firing())

    async def _holders(self) -> str:
        names = [identifier(self.difference.schema, each.table) for each in self.difference.ordered()]
        try:
            async with connected(self.url, self.difference.schema, GUARDS) as connection:
                found = [row[0] for row in await connection.fetch(_HOLDERS, names)]
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            found = []
        return ", ".join(found) or "other transactions"


def _count(tag: str) -> int:
    """Of a command tag such as DELETE 3."""
    return int(tag.rpartition(" ")[2])
