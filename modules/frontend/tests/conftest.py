"""The web application in this process, with a gateway that answers as the modules' contracts say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import orjson
import pytest
from nexus_kit.contracts.reads import watched
from nexus_kit.contracts.recorded import fields_of
from nexus_kit.testing import told
from nexus_kit.testing.examples import FORMATS, Examples

MODULE = Path(__file__).parents[1]
CLAIMS = "eyJwZXJtaXNzaW9ucyI6WyIqIl0sImVtYWlsIjoiYUBiLmMiLCJleHAiOjk5OTk5OTk5OTl9"
ACCESS = f"e30.{CLAIMS}.c2ln"
COOKIE = f"nexus_lang=en; nexus_rt=r; nexus_at={ACCESS}"
MOST = 100
# What scripts or a page without a form of its own send.
FURTHER = {
    "/login": [("email", "a@b.example"), ("password", "secret words")],
    "/closes": [("period", "2026-11")],
}


class Answers:
    """In place of the gateway's modules. Notes what is asked, and which fields of the answers are read."""

    def __init__(self) -> None:
        self.records: list[dict[str, Any]] = []
        self.round = 0
        self._bricks: dict[str, Examples] = {}

    async def send(
        self, method: str, path: str, query: Any, data: bytes | None, headers: Any
    ) -> tuple[int, Any]:
        brick, asked = path.split("/")[2], f"{method} {path}"
        examples = self._bricks.setdefault(brick, Examples(MODULE.parent / brick))
        names = sorted({name for name, _ in query})
        body = fields_of(orjson.loads(data)) if data else []
        self.records.append({"asked": asked, "of": brick, "query": names, "body": body})
        title = told.title_of(MODULE, brick, asked)
        status, answer = examples.answer(method, title.partition(" ")[2], self.round)
        if isinstance(answer, dict) and "access_token" in answer:
            answer["access_token"] = ACCESS
        return status, watched(answer, partial(self._read, asked, brick))

    def _read(self, asked: str, brick: str, field: str, asks: bool) -> None:
        self.records.append({"read": asked, "of": brick, "field": field, "asks": asks})


class Forms(HTMLParser):
    """The forms of a page: where they go, and what a person may send with them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, list[tuple[str, str]]]] = []
        self.links: set[str] = set()
        self._select = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attributes}
        for name in ("href", "hx-get"):
            if said.get(name, "").startswith("/") and "/static/" not in said[name]:
                self.links.add(said[name])
        if tag == "form" and said.get("method", "").lower() == "post":
            self.found.append((said.get("action", ""), []))
        elif self.found:
            self._field(tag, said)

    def _field(self, tag: str, said: dict[str, str]) -> None:
        _, fields = self.found[-1]
        if tag == "select":
            self._select = said.get("name", "")
        elif tag == "option" and self._select and said.get("value"):
            fields.append((self._select, said["value"]))
        elif tag in ("input", "textarea", "button") and said.get("name"):
            fields.append((said["name"], said.get("value") or _typed(said)))

    def handle_endtag(self, tag: str) -> None:
        self._select = "" if tag == "select" else self._select


def _typed(said: dict[str, str]) -> str:
    if said.get("type") == "hidden" or said["name"].endswith("_id"):
        return FORMATS["uuid"]
    return {"email": "a@b.example", "date": "2026-11-23", "month": "2026-11"}.get(
        said.get("type", ""), "12.50"
    )


async def ask(
    app: Any, method: str, address: str, form: list[tuple[str, str]] | None = None, part: bool = False
) -> tuple[int, str]:
    """One request of a browser to the ASGI application."""
    parts = urlsplit(address)
    body = urlencode(form or []).encode()
    headers = [(b"cookie", COOKIE.encode()), (b"host", b"localhost")]
    headers += [(b"hx-request", b"true")] if part else []
    headers += [(b"content-type", b"application/x-www-form-urlencoded")] if form is not None else []
    scope = {
        "type": "http", "method": method, "path": parts.path, "raw_path": parts.path.encode(),
        "query_string": parts.query.encode(), "headers": headers, "scheme": "http",
        "http_version": "1.1", "client": ("127.0.0.1", 1), "server": ("localhost", 80), "root_path": "",
    }  # fmt: skip
    said: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        said.append(message)

    await app(scope, receive, send)
    return said[0]["status"], b"".join(each.get("body", b"") for each in said[1:]).decode(errors="replace")


def addresses(method: str, routers: Iterable[Any]) -> list[str]:
    """Every address of the pages for the method, with a thing's id where one belongs, without and with all
    its parameters.
    """
    found: list[str] = []
    for route in (each for router in routers for each in router.routes if method in each.methods):
        path = route.path.format_map(_Ids())
        names = [each.alias for each in route.dependant.query_params]
        found += [path, f"{path}?{'&'.join(f'{name}=12' for name in names)}"] if names else [path]
    return sorted(found)


async def use(app: Any, routers: Sequence[Any]) -> list[tuple[str, int]]:
    """Look at every page, follow its links, send its forms; returns what was not answered as it should."""
    troubles: list[tuple[str, int]] = []
    forms = {address: FURTHER.get(address, []) for address in addresses("POST", routers)}
    seen: set[str] = set()
    todo = addresses("GET", routers)
    while todo:
        address = todo.pop()
        seen.add(address)
        for part in (False, True) if "?" not in address else (True,):
            status, html = await ask(app, "GET", address, part=part)
            troubles += [(f"GET {address}", status)] if status >= 400 else []
            found = Forms(html)
            forms |= {action or address: fields for action, fields in found.found}
            todo += sorted(found.links - seen - set(todo)) if len(seen) < MOST else []
    for action, fields in sorted(forms.items()):
        status, _ = await ask(app, "POST", action, form=fields)
        troubles += [(f"POST {action}", status)] if status >= 500 else []
    return troubles


class _Ids(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "2026-11" if key == "period" else FORMATS["uuid"]


@pytest.fixture
def answers() -> Answers:
    return Answers()


@pytest.fixture
def use_all() -> Callable[..., Any]:
    return use
