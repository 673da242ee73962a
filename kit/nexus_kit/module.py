"""The chassis of a module: configuration, HTTP application, database, events, workers, health, all in one
object.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeVar

from fastapi import FastAPI

from nexus_kit import edge, errors, logs, openapi, tracing
from nexus_kit.calls import Calls, Client
from nexus_kit.database import Database, is_transient
from nexus_kit.events import expiry, parking
from nexus_kit.events.consumer import Consumer
from nexus_kit.events.event import BatchHandler, Handler, OneHandler
from nexus_kit.events.relay import Relay
from nexus_kit.events.revocations import RevocationFeed
from nexus_kit.health import BusinessCheck, Health
from nexus_kit.logs import log
from nexus_kit.metrics import BUCKETS, Metrics
from nexus_kit.probes import probes
from nexus_kit.problems import Unavailable
from nexus_kit.redis_link import RedisLink
from nexus_kit.settings import Settings, SettingsError
from nexus_kit.tokens import KeySet, RevokedSessions, TokenVerifier
from nexus_kit.workers import Worker, Workers

if TYPE_CHECKING:
    from nexus_kit.otlp import Exporter

STOP_GRACE_S = 15.0
SPANS_GRACE_S = 2.0

_inspected: ContextVar[list[Module] | None] = ContextVar("inspected", default=None)
F = TypeVar("F", bound=Callable[..., Awaitable[Any]])


class Module:
    """One module. Create it once at import, register on it, then ``run()`` it.

    Parameters: ``name`` the module's name; ``version`` for the OpenAPI document; ``settings`` instead of the
    environment's (for tests).
    """

    def __init__(self, name: str, *, version: str = "1.0.0", settings: Settings | None = None) -> None:
        self.settings = settings or Settings.from_env(name)
        self.name = name
        self.metrics = Metrics(self.settings.service)
        self._spans = self._make_exporter()
        self.db = Database(self.settings.secret("database_url"), name)
        self.revoked = RevokedSessions()
        self._keys = KeySet(self.settings.jwks_url)
        self._calls = Calls(self.settings)
        self._workers = Workers(self.db, self.metrics)
        self._handlers: dict[tuple[str, str], Handler] = {}
        self._business: list[BusinessCheck] = []
        self._bootstraps: list[Callable[[dict[str, Any]], Awaitable[None]]] = []
        self._lifespans: list[Callable[[], AbstractAsyncContextManager[None]]] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._consumer: Consumer | None = None
        self._redis_url = self.settings.secret("redis_url")
        self._relay = self._make_relay()
        migrations = self.settings.module_dir / "migrations" if self.settings.module_dir else None
        self.health = Health(
            self.db,
            self._relay,
            migrations,
            self.settings.secret("database_url") is not None,
            self.settings.contracts,
        )
        self.silent = set(edge.SILENT)
        self.leaving = asyncio.Event()  # set when it is told to end
        self.app = self._make_app(version)

    def _make_app(self, version: str) -> FastAPI:
        app = FastAPI(
            title=f"Nexus {self.name}",
            version=version,
            lifespan=self._lifespan,
            docs_url=None,
            redoc_url=None,
            redirect_slashes=False,
            telemetry={
                "tracing": False,
                "metrics": False,
                "logs": False,
                "operation_spans": False,
                "auto_configure": False,
            },
        )
        app.state.module = self
        app.state.verifier = TokenVerifier(self._keys, self.revoked)
        app.state.draining = False
        app.state.in_flight = 0
        errors.install(app)
        openapi.install(app)
        app.include_router(probes(self))
        app.add_middleware(edge.Edge, metrics=self.metrics, silent=self.silent)
        return app

    def _make_exporter(self) -> Exporter | None:
        if self.settings.otlp_endpoint is None:
            return None
        from nexus_kit.otlp import Exporter

        exporter = Exporter(self.settings, self.metrics.spans_dropped.inc)
        tracing.record(exporter.offer)
        return exporter

    def _make_relay(self) -> Relay | None:
        if self._redis_url is None or self.db.absent:
            return None
        relay = Relay(self.name, self.db, self.link("relay"), self.metrics.sent, self.metrics.backlog)
        self.db.on_publish = relay.wake
        return relay

    # registration

    def on(self, module: str, *types: str) -> Callable[[OneHandler], OneHandler]:
        """Decorator: handle events ``types`` of ``module`` one by one: ``async def f(tx, event)``."""
        return self._register(module, types, batch=False)

    def on_batch(self, module: str, *types: str) -> Callable[[BatchHandler], BatchHandler]:
        """Decorator: handle events in batches of one company: ``async def f(tx, events)``.

        When it raises, the events are handled one by one (each as a list of one).
        """
        return self._register(module, types, batch=True)

    def _register(self, module: str, types: Sequence[str], batch: bool) -> Callable[[F], F]:
        def register(function: F) -> F:
            for kind in types:
                if (module, kind) in self._handlers:
                    raise ValueError(
                        f"{module} {kind} has a handler already: {self._handlers[module, kind].name}"
                    )
                self._handlers[module, kind] = Handler(function, batch)
            return function

        if not types:
            raise ValueError(f"name the event types of {module} to handle")
        return register

    def worker(self, every: float, leader: bool = False, name: str | None = None) -> Callable[[F], F]:
        """Decorator: run ``async def f()`` every ``every`` seconds; ``leader``: on one instance at a time.

        The worker's name (for ``wake``) is the function's, unless given.
        """

        def register(function: F) -> F:
            self._workers.add(Worker(name or function.__name__, function, every, leader))
            return function

        return register

    def wake(self, name: str) -> None:
        """Run the worker ``name`` at once."""
        self._workers.wake(name)

    def business(self, function: BusinessCheck) -> BusinessCheck:
        """Decorator: ``async def f(tx) -> dict or BusinessHealth``, the numbers of /health/business."""
        self._business.append(function)
        return function

    def bootstrap(
        self, function: Callable[[dict[str, Any]], Awaitable[None]]
    ) -> Callable[..., Awaitable[None]]:
        """Decorator: ``async def f(boot)`` runs after the start with the content of BOOTSTRAP_FILE;
        idempotent.
        """
        self._bootstraps.append(function)
        return function

    def lifespan(self, function: Callable[[], AbstractAsyncContextManager[None]]) -> Callable[[], Any]:
        """Decorator: an async context manager around the module's life, for resources of its own."""
        self._lifespans.append(function)
        return function

    def counter(self, name: str, text: str, labels: Sequence[str] = ()) -> Any:
        """Make a Prometheus counter with the service label; with ``labels`` use ``.labels(...)``."""
        return self.metrics.counter(name, text, labels)

    def gauge(self, name: str, text: str, labels: Sequence[str] = ()) -> Any:
        """Make a Prometheus gauge."""
        return self.metrics.gauge(name, text, labels)

    def histogram(
        self, name: str, text: str, labels: Sequence[str] = (), buckets: Sequence[float] = BUCKETS
    ) -> Any:
        """Make a Prometheus histogram; ``buckets`` are upper bounds."""
        return self.metrics.histogram(name, text, labels, buckets)

    # use

    def secret(self, name: str) -> str | None:
        """Return the secret ``name`` (from ``<NAME>_FILE``), or None when it was not given."""
        return self.settings.secret(name)

    def call(self, module: str) -> Client:
        """Return a client for another module. Its methods raise Unavailable (503) when it is off or down."""
        return Client(self._calls, module)

    def is_on(self, module: str) -> bool:
        """Whether the brick ``module`` is part of this stack."""
        return self._calls.is_on(module)

    def link(self, purpose: str) -> RedisLink:
        """Make an unconnected link to Redis. Raises SettingsError when REDIS_URL_FILE was not given."""
        if self._redis_url is None:
            raise SettingsError("REDIS_URL_FILE was not given: put redis under needs.hard in module.yaml")
        return RedisLink(self._redis_url, f"{self.settings.instance}:{purpose}")

    async def business_health(self) -> Mapping[str, Any]:
        """Answer /health/business."""
        return await self.health.business(self._business)

    # life

    @asynccontextmanager
    async def _lifespan(self, app: FastAPI) -> AsyncIterator[None]:
        await self._start()
        try:
            async with _all(self._lifespans):
                yield
        finally:
            await self._stop()

    async def _start(self) -> None:
        if self._spans is not None:
            self._spans.start()
        await self.db.open()
        if self._bootstraps and (boot := self.settings.secret_json("bootstrap")) is not None:
            self.health.pending_start.add("bootstrap")
            self._spawn(self._run_bootstraps(boot))
        self._spawn(self._refresh_keys())
        if self._redis_url is not None:
            self._spawn(RevocationFeed(self.link("revocations"), self.revoked).run())
        if self._relay is not None:
            self._spawn(self._relay.run())
            self._workers.add(Worker("kit.expiry", self._expire, 600, leader=True))
            if self._handlers:
                self._consumer = Consumer(
                    self.name,
                    self.settings.instance,
                    self.db,
                    self.link,
                    self._handlers,
                    self.metrics.handled,
                )
                self._spawn(self._consumer.run())
                self._workers.add(Worker("kit.parked", self._retry_parked, 2, leader=False))
        self._workers.start()
        log.info("started", extra={"port": self.settings.port, "consumes": len(self._handlers)})

    def _spawn(self, work: Any) -> None:
        self._tasks.append(asyncio.create_task(work))

    async def drain(self) -> None:
        """Say that this instance is going away, and stop taking events."""
        if self.app.state.draining:
            return
        self.app.state.draining = self.health.draining = True
        self.leaving.set()
        log.info("draining", extra={"in_flight": self.app.state.in_flight})
        stopping = [self._workers.stop(STOP_GRACE_S)]
        if self._consumer is not None:
            stopping.append(self._consumer.stop(STOP_GRACE_S))
        await asyncio.gather(*stopping)

    async def _stop(self) -> None:
        await self.drain()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._calls.close()
        await self.db.close()
        if self._spans is not None:
            await self._spans.stop(SPANS_GRACE_S)
        log.info("stopped")

    async def _run_bootstraps(self, boot: dict[str, Any]) -> None:
        pause = 0.2
        for function in self._bootstraps:
            while True:
                try:
                    await function(boot)
                    break
                except Exception as error:  # noqa: BLE001 - tried again until it works
                    if is_transient(error) or isinstance(error, Unavailable):
                        log.info("bootstrap waits", extra={"reason": str(error)})
                    else:
                        log.exception("bootstrap failed, will be tried again")
                    await asyncio.sleep(pause)
                    pause = min(pause * 2, 5.0)
        self.health.pending_start.discard("bootstrap")

    async def _refresh_keys(self) -> None:
        pause = 0.5
        while self.settings.jwks_url is not None:
            pause = 240.0 if await self._keys.refresh() else min(pause * 2, 10.0)
            await asyncio.sleep(pause)

    async def _expire(self) -> None:
        await expiry.expire(self.db, self.name)

    async def _retry_parked(self) -> None:
        await parking.retry_parked(self.db, self._handlers)

    def run(self) -> None:
        """Serve until SIGTERM; then drain and exit with 0. Within `inspected`, nothing is served."""
        from nexus_kit.server import serve

        if (made := _inspected.get()) is not None:
            made.append(self)
            return
        logs.configure(self.settings)
        serve(self)


@contextmanager
def inspected() -> Iterator[list[Module]]:
    """Within, modules that are run are not served but put into the list: to look at what they are."""
    made: list[Module] = []
    token = _inspected.set(made)
    try:
        yield made
    finally:
        _inspected.reset(token)


@asynccontextmanager
async def _all(managers: Sequence[Callable[[], AbstractAsyncContextManager[None]]]) -> AsyncIterator[None]:
    if not managers:
        yield
        return
    async with managers[0](), _all(managers[1:]):
        yield
