"""With modules switched off, what is left works, and the pages say what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser, expect

from nexus.testing import throwaway_stack

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [pytest.mark.browser, pytest.mark.stack]


def test_a_crm_alone_is_a_whole_application(chromium: Browser, visit_stack: Callable[..., object]) -> None:
    with throwaway_stack("--only", "gateway,frontend,auth,users,crm") as crm_alone:
        person = visit_stack(crm_alone)
        page = person.log_in()
        menu = page.get_by_label("Menu").first
        expect(menu.get_by_role("link", name="Clientes")).to_be_visible()
        expect(menu.get_by_text("Pedidos").locator("..").get_by_text("desligado")).to_be_visible()
        expect(menu.get_by_role("link", name="Pedidos")).to_have_count(0)
        page.keyboard.press("n")
        page.wait_for_url("**/customers/new")
        page.get_by_label("Nome").fill("Padaria Nova Era")
        page.get_by_label("CPF ou CNPJ").fill("12ABC34501DE35")
        page.get_by_role("button", name="Salvar").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("Padaria Nova Era")
        expect(page.get_by_text("12.ABC.345/01DE-35")).to_be_visible()
        expect(page.get_by_role("link", name="Novo orçamento")).to_have_count(0)
        answer = page.goto(person.address + "/orders")
        assert answer is not None
        assert answer.status == 503
        expect(page.get_by_text("Vendas não faz parte desta instalação.")).to_be_visible()
