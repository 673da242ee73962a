"""A whole stack with the demonstration company, and Debian's Chromium to look at it with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from nexus.testing import ThrowawayStack, throwaway_stack

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
DESK = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}


class Visitor:
    """One browser window of one person. `trouble` collects what its console complained about."""

    def __init__(self, context: BrowserContext, address: str, password: str) -> None:
        self.context = context
        self.address = address
        self.password = password
        self.trouble: list[str] = []
        language = {"name": "nexus_lang", "value": "pt-BR", "url": address}
        context.add_cookies([{**language, "httpOnly": True, "sameSite": "Lax"}])
        self.page = self.new_page()

    def new_page(self) -> Page:
        page = self.context.new_page()
        page.set_default_timeout(30_000)
        page.on("pageerror", lambda error: self._note(str(error)))
        page.on("console", lambda said: self._note(said.text) if said.type in ("error", "warning") else None)
        return page

    def _note(self, said: str) -> None:
        """A page that is shown before its animation could begin is no trouble."""
        if "Transition was aborted" not in said:
            self.trouble.append(said)

    def open(self, path: str) -> Page:
        self.page.goto(self.address + path)
        return self.page

    def log_in(self) -> Page:
        page = self.open("/login")
        page.get_by_label("E-mail").fill("admin@nexus.local")
        page.locator("#f-password").fill(self.password)
        page.get_by_role("button", name="Entrar").click()
        page.wait_for_url(self.address + "/")
        return page


@pytest.fixture(scope="session")
def stack() -> Iterator[ThrowawayStack]:
    _skip_without_chromium()
    with throwaway_stack("--demo") as running:
        yield running


# Of module scope, because while it is open no other test can run an event loop in this thread.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    _skip_without_chromium()
    expect.set_options(timeout=30_000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=list(ARGUMENTS))
        yield browser
        browser.close()


def _skip_without_chromium() -> None:
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is not installed: apt-get install chromium")


@pytest.fixture
def visit_stack(chromium: Browser) -> Iterator[Callable[..., Visitor]]:
    """Makes visitors of any stack: `visit_stack(stack, phone=True, java_script_enabled=False)`."""
    contexts: list[BrowserContext] = []

    def make(visited: ThrowawayStack, *, phone: bool = False, **options: object) -> Visitor:
        context = chromium.new_context(viewport=PHONE if phone else DESK, locale="pt-BR", **options)
        contexts.append(context)
        return Visitor(context, visited.address("nginx"), visited.admin_password())

    yield make
    for context in contexts:
        context.close()


@pytest.fixture
def visitor(stack: ThrowawayStack, visit_stack: Callable[..., Visitor]) -> Callable[..., Visitor]:
    """Makes visitors of the demonstration company: `visitor()`, `visitor(phone=True)`."""
    return partial(visit_stack, stack)


@pytest.fixture
def person(visitor: Callable[..., Visitor]) -> Visitor:
    """A visitor at a desk who has logged in."""
    made = visitor()
    made.log_in()
    return made
