"""People sell in a browser: what they see while an order goes from quote to ledger."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect

if TYPE_CHECKING:
    from tests.browser.conftest import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.stack]


def quote_by_keyboard(page: Page, product: str, quantity: str) -> None:
    """From anywhere: g o to the orders, n, a customer, a product, a quantity, Ctrl+Enter."""
    expect(page.locator("html")).to_have_attribute("data-js", "ready")
    page.keyboard.press("g")
    page.keyboard.press("o")
    page.wait_for_url("**/orders")
    expect(page.locator("html")).to_have_attribute("data-js", "ready")
    page.keyboard.press("n")
    page.wait_for_url("**/orders/new")
    expect(page.locator("html")).to_have_attribute("data-js", "ready")
    page.keyboard.type("sabrina")
    page.keyboard.press("Enter")
    expect(page.locator("[data-line] [name=product]").first).to_be_focused()
    page.keyboard.type(product)
    page.keyboard.press("Enter")
    expect(page.locator("[data-line] [name=quantity]").first).to_be_focused()
    page.keyboard.type(quantity)
    page.keyboard.press("Control+Enter")
    page.wait_for_url(re.compile(r"/orders/[0-9a-f-]{36}$"))


def test_an_order_goes_from_quote_to_ledger_while_a_person_watches(person: Visitor) -> None:
    page = person.page
    quote_by_keyboard(page, "panela", "2")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Pedido")
    page.get_by_role("button", name="Confirmar pedido").click()
    expect(page.locator(".saga li.done", has_text="Faturado")).to_be_visible()
    order = page.url
    page.locator("#live").get_by_role("link", name=re.compile(r"^Fatura \d+")).click()
    expect(page.get_by_role("img", name="Código QR do PIX")).to_be_visible()
    expect(page.locator("#pix-code")).to_contain_text("br.gov.bcb.pix")
    page.get_by_role("button", name="Simular pagamento").click()
    expect(page.locator("#charge .badge", has_text="paga")).to_be_visible()
    page.goto(order)
    expect(page.locator(".saga li.done", has_text="Concluído")).to_be_visible()
    assert person.trouble == []


def test_the_product_a_hurried_person_typed_is_the_one_that_is_sold(person: Visitor) -> None:
    quote_by_keyboard(person.page, "facas", "1")
    expect(person.page.get_by_role("cell", name="Jogo de facas 6 peças")).to_be_visible()


def test_the_total_follows_what_is_typed(person: Visitor) -> None:
    page = person.open("/orders/new")
    page.get_by_placeholder("Nome ou SKU").first.click()
    page.keyboard.type("panela")
    page.keyboard.press("Enter")
    row = page.locator("[data-line]").first
    row.get_by_label("Quantidade").fill("2")
    row.get_by_label("Preço").fill("1.234,50")
    row.get_by_label("Desconto").fill("10")
    expect(page.locator("[data-grand]")).to_have_text("R$ 2.222,10")


def test_a_form_sent_twice_makes_one_order(person: Visitor) -> None:
    page = person.open("/orders/new")
    page.get_by_role("combobox", name="Cliente").fill("sabrina")
    page.keyboard.press("Enter")
    expect(page.locator("[data-line] [name=product]").first).to_be_focused()
    page.keyboard.type("facas")
    page.keyboard.press("Enter")
    expect(page.locator("[name=product_id]").first).not_to_have_value("")
    sent = """async () => {
        const send = () => fetch(location.pathname, {method: "POST",
            body: new URLSearchParams(new FormData(document.querySelector("form[data-editor]")))});
        return (await Promise.all([send(), send(), send()])).map((answer) => answer.url);
    }"""
    places = page.evaluate(sent)
    assert len(set(places)) == 1
    assert re.search(r"/orders/[0-9a-f-]{36}$", places[0])


def test_missing_stock_offers_a_back_order_that_goes_on_when_goods_arrive(person: Visitor) -> None:
    sku = f"B-{uuid4().hex[:6]}"
    page = person.open("/products/new")
    page.get_by_label("Nome").fill(f"Luminária {sku}")
    page.get_by_label("SKU").fill(sku)
    page.get_by_label("Preço de tabela").fill("79,90")
    page.get_by_role("button", name="Salvar").click()
    page.wait_for_url(re.compile(r"/products/[0-9a-f-]{36}$"))
    product = page.url
    known = """async (sku) => {
        const found = await fetch(`/orders/products?q=${sku}`);
        return (await found.text()).includes('role="option"');
    }"""
    page.wait_for_function(known, arg=sku)
    quote_by_keyboard(page, sku, "3")
    order = page.url
    page.get_by_role("button", name="Confirmar pedido").click()
    expect(page.locator(".saga li.failed", has_text="Reservado")).to_be_visible()
    page.get_by_role("button", name="Aceitar encomenda").click()
    expect(page.get_by_text("Esperando mercadoria")).to_be_visible()
    page.goto(product)
    page.get_by_role("link", name="Dar entrada").click()
    row = page.locator("[data-line]").first
    row.get_by_label("Quantidade").fill("10")
    row.get_by_label("Custo unitário").fill("31,5")
    page.get_by_role("button", name="Registrar entrada").click()
    expect(page.get_by_text("Entrada registrada.")).to_be_visible()
    page.goto(order)
    expect(page.locator(".saga li.done", has_text="Enviado")).to_be_visible()
    assert person.trouble == []


def test_an_order_is_cancelled_with_its_reason(person: Visitor) -> None:
    page = person.page
    quote_by_keyboard(page, "facas", "1")
    page.locator("summary", has_text="Cancelar pedido").click()
    page.get_by_label("Motivo").fill("Cliente desistiu")
    page.get_by_role("button", name="Cancelar mesmo").click()
    expect(page.locator("#live").get_by_text("Cliente desistiu").first).to_be_visible()
    expect(page.get_by_role("button", name="Confirmar pedido")).to_have_count(0)


def test_an_order_is_sold_without_scripts(visitor: Callable[..., Visitor]) -> None:
    plain = visitor(java_script_enabled=False)
    page = plain.log_in()
    page.goto(plain.address + "/orders/new")
    page.get_by_role("combobox", name="Cliente").fill("Mercearia Santos")
    row = page.locator("[data-line]").first
    row.locator("[name=product]").fill("COZ-001")
    row.locator("[name=quantity]").fill("1")
    page.get_by_role("button", name="Gerar orçamento").click()
    page.get_by_role("button", name="Confirmar pedido").click()
    expect(page.get_by_text("Pedido confirmado. Acompanhe abaixo.")).to_be_visible()


def test_what_the_module_refuses_stands_beside_its_field(person: Visitor) -> None:
    page = person.open("/customers/new")
    page.get_by_label("Nome").fill("Padaria Exemplo")
    page.get_by_label("CPF ou CNPJ").fill("12.ABC.345/01DE-36")
    page.get_by_label("CPF ou CNPJ").blur()
    expect(page.get_by_text("Os dígitos verificadores não conferem")).to_be_visible()
    page.get_by_role("button", name="Salvar").click()
    expect(page.locator("#f-tax_id")).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#e-tax_id")).to_contain_text("dígitos verificadores")
    expect(page.get_by_label("Nome")).to_have_value("Padaria Exemplo")
