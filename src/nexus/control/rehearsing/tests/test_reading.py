"""What releases are asked of what users read, and what of their answers counts as a failure."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer

from nexus.control.rehearsing.reading import Reads, first_id, read_releases, routes_of
from nexus.releases import Release
from nexus.releases.contracts.provided import FOLDER, OPENAPI
from nexus.runtimes.home import Home

PATHS: dict[str, dict[str, dict[str, str]]] = {"/items/{id}": {"get": {}}, "/items": {"get": {}, "post": {}}}


class Shop:
    """What answers: with which status the list and one item."""

    def __init__(self) -> None:
        self.listed, self.one = 200, 200
        self.asked: list[str] = []

    async def answer(self, request: web.Request) -> web.Response:
        """The list, or one item."""
        self.asked.append(f"{request.method} {request.path}")
        if request.path == "/items":
            return web.json_response({"items": [{"id": 7}]}, status=self.listed)
        return web.json_response({"id": 7}, status=self.one)


@pytest_asyncio.fixture
async def shop() -> AsyncIterator[tuple[Shop, str]]:
    """It, and its address."""
    told = Shop()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", told.answer)
    async with TestServer(app) as server:
        yield told, str(server.make_url("")).rstrip("/")


async def _read(address: str, folder: Path) -> Reads:
    document = folder / FOLDER / OPENAPI
    document.parent.mkdir(exist_ok=True)
    document.write_text(json.dumps({"paths": PATHS}))
    release = Release("shop", "abc", "abc", "1.0", "", True, 0.0, "", folder)
    return (await read_releases(address, Home.at(folder / "home"), {"shop": release}, {"shop": folder}))[
        "shop"
    ]


async def test_a_list_is_read_before_the_first_of_its_things(shop: tuple[Shop, str], tmp_path: Path) -> None:
    told, address = shop
    assert await _read(address, tmp_path) == Reads(answered=2)
    assert told.asked == ["GET /items", "GET /items/7"]


async def test_the_request_that_fails_is_told_and_what_is_refused_is_no_failure(
    shop: tuple[Shop, str], tmp_path: Path
) -> None:
    told, address = shop
    told.one = 500
    broken = await _read(address, tmp_path)
    assert (broken.answered, broken.broken.partition(" ")[0]) == (1, "GET")
    assert broken.broken.startswith("GET /items/{id}: 500")
    told.listed = 500
    assert (await _read(address, tmp_path)).broken.startswith("GET /items: 500")
    told.listed = 403
    refused = await _read(address, tmp_path)
    assert (refused.broken, refused.answered) == ("", 0)
    assert refused.why.startswith("no request was answered: GET /items: 403")


def test_what_is_no_request_that_could_be_sent_is_passed_over(tmp_path: Path) -> None:
    document = tmp_path / "openapi.json"
    assert list(routes_of(document)) == []
    document.write_text("{")
    assert list(routes_of(document)) == []
    query = {"get": {"parameters": [{"name": "q", "in": "query", "required": True}]}}
    document.write_text(json.dumps({"paths": {"/a": {"get": {}}, "/b": {"post": {}}, "/c": query}}))
    assert list(routes_of(document)) == ["/a"]
    assert first_id({"items": [{"id": 7}, {"id": 8}]}) == "7"
    assert first_id([{"id": "x"}]) == "x"
    assert [first_id({"items": []}), first_id(None), first_id([1])] == ["", "", ""]
