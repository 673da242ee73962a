"""What holds on every page: sessions, safety, both languages, phones, keyboards."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from tests.browser.conftest import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.stack]

PAGES = (
    "/",
    "/orders",
    "/orders?state=processing",
    "/orders/new",
    "/customers",
    "/customers?q=santos",
    "/customers/new",
    "/leads",
    "/leads/new",
    "/products",
    "/products/new",
    "/stock/receive",
    "/stock/adjust",
    "/shipments",
    "/invoices",
    "/payments",
    "/payments/charges",
    "/payments/reconciliation",
    "/ledger",
    "/ledger/new",
    "/ledger/balance",
    "/closes",
    "/people",
    "/people/invite",
    "/roles",
    "/roles/new",
    "/account",
    "/search?q=ma",
)
LISTS = ("/orders", "/customers", "/products", "/invoices", "/ledger", "/people", "/roles")
# Form controls that a screen reader could not name, and pages wider than the screen.
NAMELESS = """() => [...document.querySelectorAll("input:not([type=hidden]), select, textarea, button")]
    .filter((one) => one.offsetParent)
    .filter((one) => !(one.labels?.length || one.getAttribute("aria-label") || one.textContent.trim()))
    .map((one) => one.outerHTML.slice(0, 120))"""
WIDER = """() => [...document.querySelectorAll("main *")].filter((one) => {
    const box = one.getBoundingClientRect();
    return box.width && box.right > innerWidth + 1 && !one.closest(".pills, .sr, thead");
}).map((one) => one.outerHTML.slice(0, 120))"""


@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
def test_every_page_opens_fits_the_screen_and_names_its_controls(
    visitor: Callable[..., Visitor], phone: bool
) -> None:
    looker = visitor(phone=phone)
    page = looker.log_in()
    details = []
    for path in LISTS:
        page.goto(looker.address + path)
        details.append(page.locator(".list a.open").first.get_attribute("href"))
    for path in (*PAGES, *details):
        answer = page.goto(looker.address + str(path))
        assert answer is not None
        assert answer.status == 200, path
        assert page.locator("h1").count() == 1, path
        assert page.evaluate(NAMELESS) == [], path
        assert page.evaluate(WIDER) == [], path
    assert looker.trouble == []


def test_requests_that_race_after_the_access_token_ended_keep_the_session(person: Visitor) -> None:
    page = person.page
    before = {cookie["name"]: cookie["value"] for cookie in person.context.cookies()}
    person.context.clear_cookies(name="nexus_at")
    race = "() => Promise.all([1, 2, 3, 4, 5, 6].map(async () => (await fetch('/orders')).url))"
    assert all(url.endswith("/orders") for url in page.evaluate(race))
    after = {cookie["name"]: cookie["value"] for cookie in person.context.cookies()}
    assert after["nexus_rt"] != before["nexus_rt"]
    page.goto(person.address + "/customers")
    expect(page.get_by_role("heading", level=1)).to_have_text("Clientes")


def test_tokens_stay_out_of_reach_of_scripts(person: Visitor) -> None:
    assert person.page.evaluate("document.cookie") == ""
    assert all(cookie["httpOnly"] and cookie["sameSite"] == "Lax" for cookie in person.context.cookies())


def test_a_form_from_elsewhere_is_refused(person: Visitor) -> None:
    forged = """async () => {
        const body = new URLSearchParams({name: "X", csrf: "guess"});
        return (await fetch("/customers/new", {method: "POST", body})).status;
    }"""
    assert person.page.evaluate(forged) == 403


def test_whoever_is_not_logged_in_comes_back_to_the_page_they_wanted(visitor: Callable[..., Visitor]) -> None:
    stranger = visitor()
    page = stranger.open("/products?q=panela")
    page.get_by_label("E-mail").fill("admin@nexus.local")
    page.locator("#f-password").fill(stranger.password)
    page.get_by_role("button", name="Entrar").click()
    page.wait_for_url("**/products?q=panela")


def test_a_wrong_password_is_told_without_telling_more(visitor: Callable[..., Visitor]) -> None:
    stranger = visitor()
    page = stranger.open("/login")
    page.get_by_label("E-mail").fill("someone@nexus.local")
    page.locator("#f-password").fill("not the password")
    page.get_by_role("button", name="Entrar").click()
    expect(page.get_by_role("alert")).to_have_text("E-mail ou senha incorretos. Confira e tente de novo.")


def test_logging_out_ends_the_session_everywhere(person: Visitor) -> None:
    page = person.page
    kept = person.context.cookies()
    page.locator("summary[aria-label='Minha conta']").click()
    page.get_by_role("button", name="Sair").click()
    page.wait_for_url("**/login")
    person.context.add_cookies(kept)
    page.goto(person.address + "/orders")
    expect(page.get_by_role("heading", level=1)).to_have_text("Entrar")


def test_the_language_changes_with_money_and_dates(person: Visitor) -> None:
    page = person.page
    page.locator("summary[aria-label='Minha conta']").click()
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("How the day goes")
    assert page.locator("html").get_attribute("lang") == "en"
    page.goto(person.address + "/products")
    expect(page.locator("td.num", has_text="R$").first).to_contain_text(".")
    assert "," not in page.locator("td.num", has_text="R$").first.inner_text()


def test_the_keyboard_reaches_everything(person: Visitor) -> None:
    page = person.page
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("p")
    page.wait_for_url("**/products")
    page.keyboard.press("/")
    page.keyboard.type("panela")
    expect(page.locator("#results tbody tr")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.locator("#q")).to_have_value("panela")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/products/*-*")


def test_the_whole_company_is_searched_from_every_page(person: Visitor) -> None:
    page = person.open("/closes")
    page.keyboard.press("/")
    page.keyboard.type("panela")
    page.locator("#found").get_by_role("link", name="Panela").first.click()
    page.wait_for_url("**/products/*-*")


def test_an_invited_colleague_sees_only_what_their_role_allows(
    person: Visitor, visitor: Callable[..., Visitor]
) -> None:
    page = person.open("/roles/new")
    page.get_by_label("Nome").fill("Balcão")
    for right in ("Ver clientes", "Ver pedidos"):
        page.get_by_label(right).check()
    page.get_by_role("button", name="Salvar").click()
    page.goto(person.address + "/people/invite")
    page.get_by_label("E-mail").fill("bia@exemplo.com.br")
    page.get_by_label("Balcão").check()
    page.get_by_role("button", name="Enviar convite").click()
    link = page.locator("#link").inner_text()
    colleague = visitor()
    own = colleague.page
    own.goto(link)
    own.get_by_label("Nome").fill("Bia Souza")
    own.get_by_label("Nova senha").fill("um barco azul no cais")
    own.get_by_role("button", name="Aceitar convite").click()
    own.wait_for_url("**/login")
    own.get_by_label("E-mail").fill("bia@exemplo.com.br")
    own.locator("#f-password").fill("um barco azul no cais")
    own.get_by_role("button", name="Entrar").click()
    own.wait_for_url(colleague.address + "/")
    expect(own.locator(".side nav").get_by_role("link", name="Pedidos")).to_be_visible()
    expect(own.locator(".side nav").get_by_role("link", name="Faturas")).to_have_count(0)
    expect(own.get_by_role("link", name="Novo orçamento")).to_have_count(0)
    answer = own.goto(colleague.address + "/ledger")
    assert answer is not None
    assert answer.status == 403
    expect(own.get_by_role("heading", level=1)).to_have_text("Você não tem acesso")
