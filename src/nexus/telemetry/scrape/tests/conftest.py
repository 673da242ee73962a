import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from nexus.telemetry.otlp import feed
from nexus.telemetry.scrape.scraper import Scraper
from nexus.telemetry.scrape.source import Pace
from nexus.telemetry.store import Store
from nexus.telemetry.targets import Instance, ServiceTarget, Targets

FAST = Pace(metrics=0.2, business=0.2, servers=0.2, sizes=0.2, timeout=0.5, jitter=0.0)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "telemetry")
    yield opened
    opened.close()


def service(name: str = "sales", runtime: str = "python", **fields: Any) -> ServiceTarget:
    paths = {"live": "/live", "ready": "/ready", "business": "/business", "metrics": "/metrics"}
    return ServiceTarget(name, "module", runtime, **{"port": 8000, "stable": "", **paths, **fields})


def instance(name: str = "sales", address: str = "", pid: int = 0, container: str = "") -> Instance:
    return Instance(name, f"{name}-1", "r1", address, pid, container, "", "ready", 0.0, 2)


def points(store: Store) -> dict[tuple[str, ...], float]:
    """The newest value of each stored series, by its name and the values of its labels."""
    rows = feed.read(store, "metrics", 0, 100_000).rows
    return {(row["name"], *json.loads(row["labels"]).values()): row["value"] for row in rows}


def answers(store: Store) -> list[tuple[str, str, str, bool, str]]:
    rows = feed.read(store, "health", 0, 100_000).rows
    return [(row["service"], row["instance"], row["question"], row["ok"], row["detail"]) for row in rows]


Scraping = Callable[..., Awaitable[Scraper]]


@pytest.fixture
async def scraping(store: Store) -> AsyncIterator[Scraping]:
    """One round of a scraper of these targets."""
    made: list[Scraper] = []

    async def scrape(targets: Targets, into: Store = store, pace: Pace = FAST) -> Scraper:
        made.append(Scraper(into, pace))
        made[-1].aim(targets)
        await made[-1].round()
        return made[-1]

    yield scrape
    for scraper in made:
        await scraper.close()


class Module:
    """A module that answers what a test wants."""

    def __init__(self) -> None:
        self.texts: dict[str, Any] = {
            "/live": "alive",
            "/ready": '{"ready":true,"instance":"sales-7"}',
            "/business": '{"ok":false,"numbers":{"stuck":3},"must_be_zero":["stuck"],"broken":["stuck"]}',
            "/metrics": "# HELP jobs_total Jobs done\n# TYPE jobs_total counter\njobs_total 4\n",
        }
        self.statuses: dict[str, int] = {}
        self.asked: list[str] = []
        app = web.Application()
        app.router.add_get("/{path:.*}", self._answer)
        self.server = TestServer(app)

    async def _answer(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        text = self.texts[request.path]
        if callable(text):
            text = await text()
        body = text if isinstance(text, bytes) else text.encode()
        return web.Response(status=self.statuses.get(request.path, 200), body=body)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server.port}"


@pytest.fixture
async def module() -> AsyncIterator[Module]:
    made = Module()
    await made.server.start_server()
    yield made
    await made.server.close()
