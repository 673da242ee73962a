import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest
import pytest_asyncio
from nexus_kit.testing.servers import PostgresServer, free_port

from nexus.business.asking import AwayError, Database, Patience
from nexus.business.figures import Figures
from nexus.stack import Kpi
from nexus.telemetry.store import Store
from nexus.telemetry.targets import ServiceTarget, Targets


@pytest_asyncio.fixture
async def dsn(pg: PostgresServer) -> AsyncIterator[str]:
    """A database with a table of ten rows, asked by a role that may read and write."""
    admin = await asyncpg.connect(pg.admin_dsn)
    await admin.execute("CREATE DATABASE business_figures")
    await admin.execute("CREATE ROLE figures LOGIN PASSWORD 'f'")
    inside = await asyncpg.connect(pg.dsn("postgres", "business_figures", pg.password))
    await inside.execute(
        "CREATE SCHEMA shop AUTHORIZATION figures; SET ROLE figures;"
        " CREATE TABLE shop.t AS SELECT n, n % 2 = 0 AS even FROM generate_series(1, 10) n"
    )
    await inside.close()
    yield pg.dsn("figures", "business_figures", "f")
    await admin.execute("DROP DATABASE business_figures WITH (FORCE)")
    await admin.execute("DROP ROLE figures")
    await admin.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "telemetry")
    yield store
    store.close()


def kpi(name: str, sql: str, **more: Any) -> Kpi:
    usual: dict[str, Any] = {"module": "shop", "title": {}, "unit": "count", "better": "lower", "metric": ""}
    usual |= {"every": 30.0, "labels": (), "limit": None, "needs": ("shop",)}
    return Kpi(**{**usual, **more, "name": name, "sql": sql})


def asking(store: Store, secret: Path, *kpis: Kpi) -> Figures:
    figures = Figures(store)
    aim(figures, secret, *kpis)
    return figures


def aim(figures: Figures, secret: Path, *kpis: Kpi) -> None:
    database = ServiceTarget(
        "db", "database", "postgres", 1, "", "", "", "", "", secret_files={"check_url": str(secret)}
    )
    shop = ServiceTarget("shop", "module", "python", 1, "", "", "", "", "", schema="shop")
    figures.aim(
        Targets("s", "/", "process", services=(database, shop), kpis=tuple(k.as_dict() for k in kpis))
    )


def told(figures: Figures) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in figures.facts()["kpis"]}


async def test_a_kpi_is_a_value_or_one_for_each_label_and_a_fault_is_its_own(
    store: Store, dsn: str, tmp_path: Path
) -> None:
    (tmp_path / "url").write_text(dsn)
    figures = asking(
        store,
        tmp_path / "url",
        kpi("one", "SELECT count(*) AS value FROM shop.t", limit=9.0),
        kpi("each", "SELECT even, sum(n) AS value FROM shop.t GROUP BY 1", labels=("even",)),
        kpi("none", "SELECT NULL AS value"),
        kpi("gone", "SELECT value FROM shop.nowhere"),
        kpi("writes", "INSERT INTO shop.t VALUES (11) RETURNING n AS value"),
        kpi("text", "SELECT 'many' AS value"),
        kpi("unlabelled", "SELECT n AS value FROM shop.t"),
        kpi("flood", "SELECT g AS label, 1 AS value FROM generate_series(1, 51) g", labels=("label",)),
        kpi("twice", "SELECT 'a' AS label, n AS value FROM shop.t", labels=("label",)),
        kpi("off", "SELECT 1 AS value", needs=("stock",)),
    )
    points = await figures.ask_due(1000.0)
    values = figures.values()
    assert values["one"] == [{"labels": {}, "value": 10.0, "beyond": True}]
    assert {each["labels"]["even"]: each["value"] for each in values["each"]} == {"True": 30, "False": 25}
    assert {name: each["error"] for name, each in told(figures).items()} == {
        "one": "",
        "each": "",
        "none": "no value",
        "gone": 'relation "shop.nowhere" does not exist',
        "writes": "cannot execute INSERT in a read-only transaction",
        "text": "returns 'many' where a number is needed",
        "unlabelled": "returns several rows and has no `labels` to tell them apart",
        "flood": "returns more than 50 rows; group it further",
        "twice": "returns {'label': 'a'} twice; group it by its labels",
    }
    assert figures.facts()["skipped"] == {"off": "the schema stock is not on"}
    names = [point.name for point in points]
    assert (names.count("nexus_kpi"), names.count("nexus_kpi_errors_total")) == (3, 6)
    assert '{"kpi":"one","module":"shop","unit":"count"}' in [point.labels for point in points]
    figures.database.close()


async def test_a_kpi_is_asked_when_it_is_due_and_not_before(store: Store, dsn: str, tmp_path: Path) -> None:
    (tmp_path / "url").write_text(dsn)
    figures = asking(
        store,
        tmp_path / "url",
        kpi("often", "SELECT 1 AS value", every=10.0),
        kpi("rare", "SELECT 2 AS value", every=60.0),
    )
    asked = [len(await figures.ask_due(1000.0 + 10 * turn)) for turn in range(8)]
    assert asked == [2, 1, 2, 1, 1, 1, 1, 1]  # the rare one on full minutes: 1020, 1080
    figures.database.close()


async def test_a_slow_kpi_is_cut_off_named_and_asked_less_often(
    store: Store, dsn: str, tmp_path: Path
) -> None:
    (tmp_path / "url").write_text(dsn)
    slow = "SELECT count(*) AS value FROM generate_series(1, 1000000000) a WHERE random() > 2"
    figures = asking(store, tmp_path / "url", kpi("slow", slow), kpi("fine", "SELECT 1 AS value"))
    await figures.ask_due(1000.0)
    facts = told(figures)
    assert (facts["slow"]["error"], facts["fine"]["error"]) == ("took longer than 2 s", "")
    assert (facts["slow"]["every"], facts["fine"]["every"]) == (60.0, 30.0)
    assert figures.facts()["slow"] == ["slow"]
    figures.database.close()


async def test_while_the_database_is_away_its_kpis_pause_and_then_go_on_at_once(
    store: Store, dsn: str, tmp_path: Path
) -> None:
    secret = tmp_path / "url"
    secret.write_text(f"postgresql://figures:f@127.0.0.1:{free_port()}/business_figures")
    figures = asking(store, secret, kpi("a", "SELECT 1 AS value"), kpi("b", "SELECT 2 AS value"))
    assert await figures.ask_due(1000.0) == []
    assert figures.facts()["paused"].startswith("the database cannot be asked (")
    assert {each["error"] for each in told(figures).values()} == {""}
    secret.write_text(dsn)
    figures.database.aim({"check_url": str(secret), "replica_url": str(secret.with_name("replica"))})
    secret.with_name("replica").write_text(dsn)
    assert len(await figures.ask_due(1001.0)) == 2
    assert figures.facts()["paused"] == ""
    server = await asyncpg.connect(dsn)
    await server.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'nexus figures'"
    )
    await server.close()
    assert len(await figures.ask_due(1061.0)) == 2
    figures.database.close()


class Line:
    """The way to a database, which can fall silent: what runs is not passed on, who comes is not answered."""

    def __init__(self, dsn: str) -> None:
        self._parts = urlsplit(dsn)
        self._heard = asyncio.Event()
        self._ways: list[asyncio.Task[None]] = []
        self._server: asyncio.Server | None = None
        self.silent(False)

    async def open(self) -> str:
        """The address at which the database is found."""
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        user = f"{self._parts.username}:{self._parts.password}"
        return f"postgresql://{user}@127.0.0.1:{port}{self._parts.path}"

    def silent(self, yes: bool) -> None:
        self._heard.clear() if yes else self._heard.set()

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        for way in self._ways:
            way.cancel()
        await asyncio.gather(*self._ways, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inside, outside = await asyncio.open_connection(self._parts.hostname, self._parts.port)
        self._ways += [asyncio.create_task(self._pass(*way)) for way in ((reader, outside), (inside, writer))]

    async def _pass(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.closing(sink), contextlib.suppress(ConnectionError):
            while data := await source.read(65_536):
                await self._heard.wait()
                sink.write(data)


async def test_a_database_that_falls_silent_stops_its_own_kpis_only_and_one_question_waits(
    store: Store, dsn: str, tmp_path: Path
) -> None:
    patience = Patience(longest=2.0, grace=0.5, connecting=60.0, pause=0.0)
    line, secret = Line(dsn), tmp_path / "url"
    secret.write_text(await line.open())
    asked = [kpi(f"k{number}", f"SELECT {number} AS value", every=10.0) for number in range(20)]
    figures = Figures(store, patience)
    aim(figures, secret, *asked, kpi("up", "", metric="1", every=10.0))
    assert len(await figures.ask_due(1000.0)) == 21
    line.silent(True)
    async with asyncio.timeout(40):  # 20 times the longest time of a question are 50 s
        for turn in range(1, 4):
            points = await figures.ask_due(1000.0 + 10 * turn)
            assert [json.loads(point.labels)["kpi"] for point in points] == ["up"]
    assert figures.facts()["paused"] == "the database went away (no answer)"
    line.silent(False)
    async with asyncio.timeout(60):
        while len(await figures.ask_due(1040.0)) < 20:
            await asyncio.sleep(0.05)
    assert figures.facts()["paused"] == ""
    figures.database.close()
    await line.close()


async def test_who_waits_for_a_database_hears_at_once_that_it_does_not_answer(
    tmp_path: Path,
) -> None:
    attempts: list[asyncio.StreamWriter] = []
    silent = await asyncio.start_server(lambda _, writer: attempts.append(writer), "127.0.0.1", 0)
    (tmp_path / "url").write_text(f"postgresql://f:f@127.0.0.1:{silent.sockets[0].getsockname()[1]}/f")
    database = Database(Patience(connecting=0.3, pause=0.2))
    database.aim({"check_url": str(tmp_path / "url")})
    questions = [database.ask("SELECT 1", limit=1) for _ in range(20)]
    told = await asyncio.gather(*questions, return_exceptions=True)
    assert {(type(each), str(each)) for each in told} == {
        (AwayError, "the database cannot be asked (no answer)")
    }
    assert len(attempts) == 1
    database.close()
    silent.close()
    attempts[0].close()
    await attempts[0].wait_closed()


async def test_a_kpi_that_failed_is_asked_again_soon(store: Store, dsn: str, tmp_path: Path) -> None:
    (tmp_path / "url").write_text(dsn)
    figures = asking(store, tmp_path / "url", kpi("rare", "SELECT n AS value FROM shop.later", every=600.0))
    await figures.ask_due(1000.0)
    assert told(figures)["rare"]["error"] == 'relation "shop.later" does not exist'
    owner = await asyncpg.connect(dsn)
    await owner.execute("CREATE TABLE shop.later AS SELECT 7 AS n")
    await owner.close()
    await figures.ask_due(1021.0)
    assert figures.values()["rare"][0]["value"] == 7
    assert await figures.ask_due(1050.0) == []
    figures.database.close()
