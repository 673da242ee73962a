"""Running a module's own tool: in turn, with the owner's rights while it runs, and recorded."""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import asyncpg

from nexus.migrations.applying.restore_point import create_restore_point
from nexus.migrations.applying.settings import Kind, Settings, Tell, Told, quiet
from nexus.migrations.commands.digest import digest_of, name_of
from nexus.migrations.commands.locked import got_no_lock
from nexus.migrations.commands.state import is_applied
from nexus.migrations.commands.turns import CONNECT_S, connect, in_turn, rights, take_back
from nexus.migrations.commands.wrapping import as_owner
from nexus.migrations.errors import MigrationBlocked, MigrationError, MigrationFailed
from nexus.migrations.journal import ensure_journal
from nexus.migrations.migration import Source

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

LAST_LINES = 8
_UNFINISHED = """
SELECT id FROM nexus.migration_run
WHERE schema_name = $1 AND migration = $2 AND ended_at IS NULL ORDER BY started_at DESC LIMIT 1
"""
_BEGIN = """
INSERT INTO nexus.migration_run (id, schema_name, migration, checksum, one_transaction, restore_point)
VALUES ($1, $2, $3, $4, false, $5)
"""
_END = """
UPDATE nexus.migration_run SET ended_at = clock_timestamp(), outcome = $2 WHERE id = $1 AND ended_at IS NULL
"""


@dataclass(frozen=True)
class Ended:
    """How the tool ended, and what it said."""

    code: int
    output: str


Carry = Callable[[str, tuple[str, ...]], Awaitable[Ended]]  # name and command → its end
Check = Callable[[], Awaitable[Mapping[str, str]]]  # what does not hold just now: name → sentence


async def nothing_to_check() -> Mapping[str, str]:
    """Nothing can be broken."""
    return {}


async def run(
    dsn: str,
    source: Source,
    settings: Settings,
    carry: Carry,
    tell: Tell = quiet,
    check: Check = nothing_to_check,
) -> tuple[str, ...]:
    """Run the tool if its folder asks for it; return the name of the run. `dsn`: a superuser's.

    `carry` runs a command as a task of the module's release; one of the same name that it began earlier and
    that still runs is waited for. A tool that only failed to get a lock is run again until
    `settings.patience` is over. `check` is asked before and after it.

    Raises:
        MigrationFailed: the tool failed: says its exit code and its last lines; or something no longer holds
            since it ran; or the connection that held its turn was lost meanwhile: how the tool ended is
            recorded all the same.
        MigrationBlocked: another migration or run goes on, or it gets no lock.
        MigrationUnreadable: the folder cannot be read.
        asyncpg.PostgresError, OSError: the server refuses or is away.
    """
    digest = await asyncio.to_thread(digest_of, source)
    connection = await connect(dsn, source)
    task = _Run(source, settings, digest, carry, tell, check)
    try:
        return await task.take_turn(connection)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, MigrationError) as error:
        if not (connection.is_closed() and task.outcome):
            raise
        raise await task.after_loss(dsn) from error
    finally:
        await connection.close(timeout=CONNECT_S)


@dataclass
class _Run:
    """`row`: its id in the journal. `outcome`: how the tool ended, "" while unknown; `said`: of it."""

    source: Source
    settings: Settings
    digest: str
    carry: Carry
    tell: Tell
    check: Check
    row: str = ""
    outcome: str = ""
    said: str = "It ended well"

    @property
    def name(self) -> str:
        return name_of(self.digest)

    @property
    def _words(self) -> str:
        return f"`{' '.join(self.source.command)}`"

    async def take_turn(self, connection: Connection) -> tuple[str, ...]:
        async with in_turn(connection, self.source, self.settings.turn):
            await ensure_journal(connection)
            async with rights(connection, self.source):
                if await is_applied(connection, self.source, self.digest):
                    return ()
                await self._recorded(connection)
                return (self.name,)

    async def _recorded(self, connection: Connection) -> None:
        row = await connection.fetchval(_UNFINISHED, self.source.schema, self.name)
        if row is None:
            self.row, point, said = str(uuid.uuid4()), None, ""
            if self.settings.restore_point:
                made = await create_restore_point(connection, self.source.module, self.name)
                point, said = made.name, f"{made.sentence}; "
            await connection.execute(_BEGIN, self.row, self.source.schema, self.name, self.digest, point)
            self._say("started", f"{said}runs {self._words}")
        else:
            self.row = row
            self._say("resumed", "an earlier run was not seen to its end")
        try:
            before = await self.check()
            await self._until_done()
            self._compare(before, await self.check())
        except (MigrationFailed, MigrationBlocked) as error:
            self.outcome, self.said = "failed", str(error)
            await connection.execute(_END, self.row, self.outcome)
            raise
        self.outcome = "applied"
        await connection.execute(_END, self.row, self.outcome)
        self._say("finished", f"{self._words} ended well")

    async def _until_done(self) -> None:
        settings = self.settings
        give_up, pause = time.monotonic() + settings.patience, settings.lock_timeout
        while True:
            ended = await self.carry(self.name, as_owner(self.source, settings))
            if ended.code == 0:
                return
            last = [line.strip() for line in ended.output.splitlines()[-LAST_LINES:] if line.strip()]
            told = f"{self.source.module}: {self._words} ended with exit code {ended.code}: "
            told += " / ".join(last) or "it said nothing"
            if not got_no_lock(ended.output):
                raise MigrationFailed(
                    f"{told}. Nothing else was started; mend it and run the same command again"
                )
            if time.monotonic() > give_up:
                raise MigrationBlocked(
                    f"{told}. It got no lock for {settings.patience:g} s; see pg_stat_activity for long "
                    "transactions, end them, and run the same command again"
                )
            self._say("waiting", "it got no lock and let others pass; it is run again")
            await asyncio.sleep(pause * random.uniform(0.5, 1.5))
            pause = min(2 * pause, 10.0)

    def _compare(self, before: Mapping[str, str], after: Mapping[str, str]) -> None:
        if broken := [sentence for name, sentence in after.items() if name not in before]:
            raise MigrationFailed(
                f"{self.source.module}: {self._words} ended well, but since then this no longer holds: "
                f"{'; '.join(broken)}. What it did stays: mend the rows (`nexus check` shows them) or the "
                "tool's next change, and run the same command again"
            )

    async def after_loss(self, dsn: str) -> MigrationFailed:
        """Record the end and take the rights back by another connection; what is then to be said.

        Where another run has its turn by now, it does both.
        """
        told = (
            f"{self.source.module}: the connection that held the turn of {self._words} was lost while it "
            f"ran, so that another migration may have run beside it. {self.said}"
        )
        try:
            connection = await connect(dsn, self.source)
            try:
                async with in_turn(connection, self.source, self.settings.turn):
                    await connection.execute(_END, self.row, self.outcome)
                    await take_back(connection, self.source)
            finally:
                await connection.close(timeout=CONNECT_S)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, MigrationBlocked) as again:
            return MigrationFailed(
                f"{told}; this could not be recorded, nor the rights of {self.source.owner} be taken back "
                f"({again}): the same command does both"
            )
        return MigrationFailed(
            f"{told}; this is recorded. See that all is well, and run the same command again"
        )

    def _say(self, kind: Kind, sentence: str) -> None:
        self.tell(Told(kind, self.source.module, self.name, sentence=sentence))
