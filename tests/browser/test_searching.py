"""A search field while answers come slowly, in pieces or not at all: what was typed is what is chosen."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import nexus_frontend
import pytest
from playwright.sync_api import Browser, Page, expect

pytestmark = pytest.mark.browser

STATIC = Path(nexus_frontend.__file__).parent / "static"
PAGE = """\
<!doctype html>
<div data-combo="/products">
  <input role="combobox" aria-label="Produto"><input type="hidden" data-value><ul role="listbox"></ul>
</div>
<script type="module">
  import { startCombo } from "/combo.js";
  startCombo(document.querySelector("[data-combo]"), () => {});
  document.documentElement.dataset.js = "ready";
</script>
"""
LIMIT = 10.0  # seconds


class Shop(ThreadingHTTPServer):
    """Answers every search with what was searched. Half of the answer to `slow` comes when it is let go, and
    the first search for a word of `refused` is refused.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.slow, self.let_go = "", threading.Event()
        self.refused: set[str] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/"


class Answers(BaseHTTPRequestHandler):
    server: Shop

    def do_GET(self) -> None:
        asked = urlsplit(self.path)
        if asked.path == "/combo.js":
            self._answer("text/javascript", (STATIC / "combo.js").read_bytes())
        elif asked.path == "/products":
            self._find(parse_qs(asked.query).get("q", ["all"])[0])
        else:
            self._answer("text/html", PAGE.encode())

    def _find(self, word: str) -> None:
        if word in self.server.refused:
            self.server.refused.remove(word)
            self.send_error(503)
            return
        body = f'<li role="option" data-id="{word}" data-text="{word}">{word}</li>'.encode()
        self._answer("text/html", body, slow=word == self.server.slow)

    def _answer(self, kind: str, body: bytes, slow: bool = False) -> None:
        self.send_response(200)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:9])
        if slow:
            self.wfile.flush()
            self.server.let_go.wait(LIMIT)
        self.wfile.write(body[9:])

    def log_message(self, format: str, *arguments: object) -> None:
        """What is asked is seen in what is chosen."""


@pytest.fixture
def shop() -> Iterator[Shop]:
    with Shop() as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        yield server
        server.shutdown()
        serving.join()


@pytest.fixture
def page(chromium: Browser, shop: Shop) -> Iterator[Page]:
    context = chromium.new_context()
    page = context.new_page()
    page.goto(shop.url)
    expect(page.locator("html")).to_have_attribute("data-js", "ready")
    yield page
    context.close()


def test_an_answer_that_arrives_while_more_is_typed_is_not_chosen_from(page: Page, shop: Shop) -> None:
    shop.slow = "f"
    page.get_by_role("combobox").focus()
    with page.expect_response("**/products?q=f"):
        page.keyboard.type("f")
    page.keyboard.type("acas")
    page.keyboard.press("Enter")
    shop.let_go.set()
    expect(page.locator("[data-value]")).to_have_value("facas")
    expect(page.get_by_role("combobox")).to_have_value("facas")


def test_a_search_that_was_refused_is_made_again_for_who_waits_for_it(page: Page, shop: Shop) -> None:
    shop.refused.add("panela")
    page.get_by_role("combobox").focus()
    page.keyboard.type("panela")
    page.keyboard.press("Enter")
    expect(page.locator("[data-value]")).to_have_value("panela")
