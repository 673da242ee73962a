"""The session that applies migrations: one connection that works, and one that watches.

What takes a lock is done through `retry.retry(session, work, …)`: it watches, gives way, and tries again.
`work` gets the `Watch`, begins what it needs by itself, and ends it; after an error everything that was open
is rolled back before the next try. `owning.begin(session)` is the SQL that begins a transaction as the
module's owner (`owning.as_owner`: the same outside one); `steps` records what is begun and done.

Statements that run in no transaction, and those in batches, are recorded as begun before, and as done after:
`await run_alone(session, run_id, statement, begun)`, `await run_batches(session, run_id, statement, size)`.
`begun`: an earlier call died in it, so that it may have taken effect. They change their step's detail at most
(`detail || …`: it holds the fingerprint of the statement).
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import asyncpg

from nexus.migrations.applying.faults import LOST, explain
from nexus.migrations.applying.settings import Kind, Settings, Tell, Told, quiet
from nexus.migrations.errors import MigrationError, MigrationFailed
from nexus.migrations.history.turn import turn
from nexus.migrations.migration import Migration, Source
from nexus.migrations.statements import Statement

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

_LOG = logging.getLogger(__name__)
APPLICATION = "nexus migrate"
CONNECT_S = 10.0
GUARDS = {
    "client_connection_check_interval": "500ms",  # a backend whose client was killed ends its statement
    "idle_in_transaction_session_timeout": "15s",  # one whose client is stopped keeps no lock
    "tcp_keepalives_idle": "10",  # one whose client's machine is gone ends
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "statement_timeout": "0",
    "lock_timeout": "0",
    "transaction_timeout": "0",
    "idle_session_timeout": "0",
    "default_transaction_read_only": "off",  # set for a database or a role, it would refuse all
}
_WATCHER = {
    "statement_timeout": "10s",
    "lock_timeout": "2s",
    "idle_session_timeout": "0",
    "transaction_timeout": "0",
}


@dataclass
class Session:
    """Who applies whose migrations, how, and to whom it tells what happens.

    `connection` holds the turn and runs the scripts; it is a superuser's. `migration` is the one that is
    being applied, `max_block` how long others may wait for it, in seconds, and `current` the statement that
    was sent last. `replayed`: what a script that is not one transaction has set for its session so far; each
    of its transactions begins with it. `durable`: whether commits wait for the disk. Where another of ours
    that does follows, they need not: in a crash the last ones are lost as if they had not been applied yet.
    `blind`: the connection that watches was lost, and there is no other yet.
    """

    dsn: str
    source: Source
    connection: Connection
    settings: Settings = field(default_factory=Settings)
    tell: Tell = quiet
    migration: Migration = field(default_factory=lambda: Migration("", "", ""))
    max_block: float = 0.3
    current: Statement | None = None
    replayed: tuple[str, ...] = ()
    durable: bool = True
    blind: bool = False
    _watcher: Connection | None = None

    @property
    def pid(self) -> int:
        """The process id of the backend that works."""
        return int(self.connection.get_server_pid())

    async def watcher(self) -> Connection:
        """The connection that watches, made when it is first needed: most migrations are over before."""
        if self._watcher is None or self._watcher.is_closed():
            self._watcher = await _connect(self.dsn, f"{APPLICATION} {self.source.module}: watch", _WATCHER)
            self.blind = False
        return self._watcher

    async def ready_to_watch(self) -> None:
        """Make the connection that watches before something runs that others may have to wait for.

        Raises:
            MigrationFailed: it cannot be had; nobody could be given way to.
        """
        try:
            await self.watcher()
        except (asyncpg.PostgresError, *LOST) as error:
            raise MigrationFailed(
                f"{self.source.module}: migration {self.migration.name} was stopped: who waits for it "
                f"could not be seen, since a second connection cannot be made: {explain(error, None)}. Apply "
                "again when the server has room (max_connections, superuser_reserved_connections)"
            ) from error

    async def drop_watcher(self) -> None:
        """Close the connection that watches; the next to need it makes another."""
        if self._watcher is not None:
            self._watcher.terminate()
            self._watcher = None
        self.blind = True

    def say(self, kind: Kind, sentence: str, line: int = 0, **detail: Any) -> None:
        """Tell what happens to the migration that is being applied."""
        try:
            self.tell(Told(kind, self.source.module, self.migration.name, line, sentence, detail))
        except OSError as error:  # a reader that is gone does not stop the work
            self.tell = quiet
            _LOG.warning("%s: nobody is told any more of its migrations: %r", self.source.module, error)

    async def roll_back(self) -> None:
        """End whatever is open, and be ourselves again; the turn stays ours."""
        await self.connection.execute(f"ROLLBACK; {OURSELVES}")

    def take(self, migration: Migration, max_block: float) -> None:
        """From now on this migration is applied; `CLEAN` is to be executed."""
        self.migration, self.current, self.max_block, self.replayed = migration, None, max_block, ()

    async def begin_migration(self, migration: Migration, max_block: float) -> None:
        """Take a migration and clean the session."""
        self.take(migration, max_block)
        await self.connection.execute(CLEAN)


OURSELVES = "RESET SESSION AUTHORIZATION; RESET ROLE; RESET ALL"
# Forgets all that the script before left in the session: its temporary tables would hide tables.
CLEAN = f"{OURSELVES}; CLOSE ALL; UNLISTEN *; DEALLOCATE ALL; DISCARD SEQUENCES; DISCARD TEMP"


@asynccontextmanager
async def open_session(
    dsn: str, source: Source, settings: Settings, tell: Tell = quiet
) -> AsyncIterator[Session]:
    """A session that has its turn. `dsn`: a superuser's, of the database.

    Raises:
        MigrationBlocked: another migration goes on for longer than `settings.turn`.
        asyncpg.PostgresError, OSError: the server refuses or is away.
    """
    connection = await _connect(dsn, f"{APPLICATION} {source.module}", GUARDS)
    session = Session(dsn, source, connection, settings, tell, max_block=settings.max_block)
    try:
        async with turn(connection, settings.turn):
            try:
                yield session
            except MigrationError:
                raise
            except BaseException:
                connection.terminate()  # cancelled within a statement: the server rolls back and lets go
                raise
            await _close(connection)  # and the turn with it
    finally:
        connection.terminate()
        await session.drop_watcher()


async def _close(connection: Connection) -> None:
    """Close it orderly; one that is dead already has nothing to lose, since all is committed."""
    try:
        await connection.close(timeout=CONNECT_S)
    except (asyncpg.PostgresError, *LOST):
        connection.terminate()


async def _connect(dsn: str, application: str, guards: dict[str, str]) -> Connection:
    settings = {"application_name": application[:63], **guards}
    # No cache of prepared statements: a script may take them away (DEALLOCATE ALL), and so does CLEAN.
    return await asyncpg.connect(dsn, timeout=CONNECT_S, statement_cache_size=0, server_settings=settings)
