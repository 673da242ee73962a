"""PostgreSQL: a pool that outlives the server's restarts, and transactions bound to one company."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg
import orjson
from fastapi import Response

from nexus_kit import tracing
from nexus_kit.idempotency import Idempotency, Replay
from nexus_kit.ids import NIL
from nexus_kit.logs import log
from nexus_kit.principal import Principal
from nexus_kit.problems import Unavailable, problem
from nexus_kit.tx import Tx

POOL_SIZE = 8
CONNECT_TIMEOUT_S = 5.0
ACQUIRE_TIMEOUT_S = 5.0
STATEMENT_TIMEOUT_S = 30.0
SLOW_S = 0.05

TRANSIENT: tuple[type[Exception], ...] = (
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,  # admin shutdown, crash shutdown, cannot connect now
    asyncpg.InsufficientResourcesError,  # disk full, out of memory, too many connections
    asyncpg.PostgresSystemError,  # the server's disk
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InternalClientError,  # a connection lost in the middle of an operation
    OSError,
)
CONTENTION: tuple[type[Exception], ...] = (
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.LockNotAvailableError,
    asyncpg.InvalidCachedStatementError,  # a migration changed a table under us
)


class DatabaseUnavailable(Unavailable):
    """PostgreSQL cannot be reached now, or refuses work for now."""

    def __init__(self, cause: BaseException | str) -> None:
        super().__init__("The database is not available now. Try again shortly.", "database-unavailable")
        self.cause = str(cause) or type(cause).__name__


def is_transient(error: BaseException) -> bool:
    """Tell whether ``error`` is PostgreSQL being away or out of resources, not the statement's fault."""
    if isinstance(error, asyncpg.DataError | asyncpg.QueryCanceledError):
        return False
    if isinstance(
        error, asyncpg.InterfaceError
    ):  # the same class tells of closed connections and of wrong use
        return "clos" in str(error)
    return isinstance(error, (DatabaseUnavailable, *TRANSIENT))


class _Connection(asyncpg.Connection):
    """Transactions leave nothing behind in a session, so a release needs no reset round trip."""

    def get_reset_query(self) -> str:
        return ""


class Database:
    """The module's database. Every transaction sees one company's rows only, except in ``system()``."""

    def __init__(self, dsn: str | None, name: str) -> None:
        self._dsn = dsn
        self._name = name
        self._pool: asyncpg.Pool | None = None
        self.on_publish: Callable[[], None] | None = None

    @property
    def absent(self) -> bool:
        """Whether this module was given no database."""
        return self._dsn is None

    async def open(self) -> None:
        """Prepare the pool. It connects when first used: a database that is away does not stop the start."""
        if self._dsn is None:
            return
        self._pool = await asyncpg.create_pool(
            self._dsn,
            min_size=0,
            max_size=POOL_SIZE,
            max_inactive_connection_lifetime=300.0,
            max_queries=1_000_000,
            timeout=CONNECT_TIMEOUT_S,
            command_timeout=STATEMENT_TIMEOUT_S,
            connection_class=_Connection,
            init=_prepare,
            server_settings={"application_name": self._name, "jit": "off", "timezone": "UTC"},
        )

    async def close(self) -> None:
        """Close all connections; those in use get 5 s."""
        if self._pool is None:
            return
        try:
            await asyncio.wait_for(self._pool.close(), 5)
        except (TimeoutError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            self._pool.terminate()

    @property
    def in_use(self) -> int:
        """Connections that are busy now."""
        return 0 if self._pool is None else self._pool.get_size() - self._pool.get_idle_size()

    @property
    def size(self) -> int:
        """Connections that are open now."""
        return 0 if self._pool is None else self._pool.get_size()

    @asynccontextmanager
    async def read(self, company_id: UUID) -> AsyncIterator[Tx]:
        """A read-only transaction that sees the rows of ``company_id``."""
        async with self._run(f"BEGIN READ ONLY; {_as_company(company_id)}", company_id) as (tx, _):
            yield tx

    @asynccontextmanager
    async def transaction(self, company_id: UUID) -> AsyncIterator[Tx]:
        """A transaction for workers that sees the rows of ``company_id``."""
        async with self._run(f"BEGIN; {_as_company(company_id)}", company_id) as (tx, _):
            yield tx

    @asynccontextmanager
    async def system(self, *, read_only: bool = False) -> AsyncIterator[Tx]:
        """A transaction that sees the rows of all companies: for workers, never for a request."""
        begin = "BEGIN READ ONLY" if read_only else "BEGIN"
        async with self._run(f"{begin}; SET LOCAL nexus.scope = 'system'", None) as (tx, _):
            yield tx

    @asynccontextmanager
    async def leading(self, job: str) -> AsyncIterator[Tx | None]:
        """A system transaction if no other instance runs ``job`` now; None otherwise.

        The lock (an advisory one) ends with the transaction, so a killed instance leaves nothing behind.
        """
        begin = (
            "BEGIN; SET LOCAL nexus.scope = 'system'; SET LOCAL idle_in_transaction_session_timeout = 0; "
            f"SELECT 1 WHERE pg_try_advisory_xact_lock({_lock_key(self._name, job)})"
        )
        async with self._run(begin, None) as (tx, status):
            yield tx if status == "SELECT 1" else None

    @asynccontextmanager
    async def write(self, who: Principal | UUID | None, idem: Idempotency | None = None) -> AsyncIterator[Tx]:
        """A transaction for a request that changes something.

        ``who`` gives the company (None: no company, for public endpoints). When ``idem`` holds a key that was
        used before, the stored answer is given again and the block is not run; the same key with another
        request is refused with 409. Finish the block with ``tx.respond(...)``.
        """
        company = who.company_id if isinstance(who, Principal) else who or NIL
        begin = f"BEGIN; {_as_company(company)}"
        if idem is None or idem.key is None:
            async with self._run(begin, company) as (tx, _):
                yield tx
            return
        user = who.user_id if isinstance(who, Principal) else NIL
        wanted = hashlib.sha256(f"{user}\n{idem.request_hash}".encode()).hexdigest()
        begin += (
            "; INSERT INTO idempotency (company_id, key, request_hash) "
            f"VALUES ('{company}', {_quoted(idem.key)}, '{wanted}') ON CONFLICT DO NOTHING"
        )
        async with self._run(begin, company) as (tx, status):
            if status != "INSERT 0 1":
                await _replay(tx, company, idem.key, wanted)
            tx.idempotency_key = idem.key
            yield tx

    @asynccontextmanager
    async def _run(self, begin: str, company_id: UUID | None) -> AsyncIterator[tuple[Tx, str]]:
        started = time.perf_counter()
        connection, status = await self._begin(begin)
        tx = Tx(connection, company_id)
        try:
            async with self._ending(connection, started):
                yield tx, status
                await tx.finish()
            if tx.published and self.on_publish is not None:
                self.on_publish()
            for action in tx.after:
                action()
        finally:
            tx.release_spans()

    @asynccontextmanager
    async def _ending(self, connection: Any, started: float) -> AsyncIterator[None]:
        """Commit after the block, or roll back when it raises; give the connection back."""
        try:
            try:
                yield
            except BaseException:
                await _roll_back(connection)
                raise
            await _commit(connection)
        finally:
            await self._release(connection)
            _tell_if_slow(time.perf_counter() - started)

    async def _begin(self, begin: str) -> tuple[Any, str]:
        """Open the transaction in one round trip; a connection that died meanwhile is replaced by another."""
        if self._pool is None:
            raise DatabaseUnavailable("DATABASE_URL_FILE was not given")
        for attempt in range(POOL_SIZE + 1):
            try:
                connection = await self._pool.acquire(timeout=ACQUIRE_TIMEOUT_S)
            except Exception as error:
                if isinstance(error, (asyncpg.InterfaceError, *TRANSIENT)):
                    raise DatabaseUnavailable(error) from error
                raise
            try:
                return connection, await connection.execute(begin)
            except BaseException as error:
                await self._release(connection, broken=True)
                if not is_transient(error) or isinstance(error, asyncpg.DiskFullError):
                    raise
                if attempt == POOL_SIZE or isinstance(
                    error, asyncpg.InsufficientResourcesError | TimeoutError
                ):
                    raise DatabaseUnavailable(error) from error
        raise AssertionError("unreachable")

    async def _release(self, connection: Any, broken: bool = False) -> None:
        assert self._pool is not None
        if broken:
            _drop(connection)
        try:
            await self._pool.release(connection)
        except Exception as error:  # noqa: BLE001 - the pool has dropped the connection then
            log.debug("connection dropped", extra={"error": str(error)})


async def _prepare(connection: Any) -> None:
    for name in ("json", "jsonb"):
        await connection.set_type_codec(name, schema="pg_catalog", encoder=to_json, decoder=orjson.loads)


def to_json(value: Any) -> str:
    """Encode a value for a json/jsonb column; a str is taken as JSON text already."""
    return value if isinstance(value, str) else orjson.dumps(value, default=str).decode()


def _tell_if_slow(seconds: float) -> None:
    """Show a transaction that took long in the span at work; a span for each would cost too much."""
    if seconds >= SLOW_S and (span := tracing.current()) is not None:
        span.happened("slow transaction", {"duration_ms": round(seconds * 1000, 1)})


async def _commit(connection: Any) -> None:
    try:
        tag = await connection.execute("COMMIT")
    except BaseException:
        _drop(connection)
        raise
    if tag != "COMMIT":
        raise asyncpg.InFailedSQLTransactionError("the transaction was rolled back at its end")


async def _roll_back(connection: Any) -> None:
    try:
        if not connection.is_closed():
            await asyncio.shield(connection.execute("ROLLBACK"))
    except Exception as error:  # noqa: BLE001 - a connection that cannot roll back is of no more use
        log.debug("rollback failed, connection dropped", extra={"error": str(error)})
        _drop(connection)


def _drop(connection: Any) -> None:
    """Close without a word; a connection lost in the middle of an operation must not go back to the pool."""
    try:
        connection.terminate()
    except asyncpg.InterfaceError as error:  # it was taken from us already
        log.debug("connection was gone", extra={"error": str(error)})


async def _replay(tx: Tx, company: UUID, key: str, wanted: str) -> None:
    row = await tx.fetchrow(
        "SELECT request_hash, status, headers, body FROM idempotency WHERE company_id = $1 AND key = $2",
        company,
        key,
    )
    if row is None:
        raise Unavailable("The first request with this Idempotency-Key was undone just now. Send it again.")
    if row["request_hash"] != wanted:
        raise problem(409, "idempotency-key-reused", "This Idempotency-Key was used with another request.")
    headers = {**(row["headers"] or {}), "Idempotency-Replayed": "true"}
    raise Replay(Response(row["body"] or b"", row["status"], headers=headers))


def _as_company(company_id: UUID) -> str:
    return f"SET LOCAL nexus.company_id = '{UUID(str(company_id))}'"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _lock_key(name: str, job: str) -> int:
    digest = hashlib.blake2b(f"{name}:{job}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)
