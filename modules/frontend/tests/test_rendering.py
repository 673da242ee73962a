"""Pages drawn from what the modules really answer: every state of an order and of a charge, parts missing."""

from __future__ import annotations

from typing import Any

import pytest
from nexus_frontend.api import Part
from nexus_frontend.application import Application
from nexus_frontend.chart import draw
from nexus_frontend.pages.invoices import code_of
from nexus_frontend.pages.orders import progress
from nexus_frontend.problems import ApiProblem, BrickDown
from nexus_frontend.settings import BRICKS, LANGUAGES, Settings, read_settings
from nexus_frontend.visit import Outcome, Visit, open_visit
from starlette.requests import Request

AT = "2026-11-23T21:11:56.382461Z"
ID = "019ab3f1-7c54-7d10-9a52-0242ac120002"
LINE = {
    "product_id": ID,
    "sku": "COZ-001",
    "description": "Panela de pressão <4,5 L>",
    "unit": "un",
    "quantity": "2",
    "unit_price": "189.90",
    "discount_percent": "5",
    "total": "360.81",
}


def order(**changes: Any) -> dict[str, Any]:
    times = ("confirmed", "reserved", "shipped", "invoiced", "paid", "reconciled", "done", "cancelled")
    return {
        "id": ID,
        "number": 2507,
        "customer_id": ID,
        "customer_name": "Mercearia Santos & Filhos",
        "state": "quotation",
        "exception": None,
        "shipment_state": "none",
        "invoice_state": "none",
        "currency": "BRL",
        "total": "360.81",
        "notes": None,
        "cancel_reason": None,
        "created_at": AT,
        **{f"{name}_at": None for name in times},
        "actions": ["confirm", "cancel"],
        "lines": [LINE],
        "timeline": [{"at": AT, "event": "order.created", "text": "Pedido criado"}],
        **changes,
    }


def charge(state: str) -> dict[str, Any]:
    code = "00020101021226730014br.gov.bcb.pix2551pix.example.com/v2/01a20a68f51572029c869ffc0fe12043"
    return {"state": state, "txid": "01a20a68f51572029c869ffc0fe12043", "expires_at": AT, "copy_paste": code}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Application:
    key = tmp_path_factory.mktemp("key") / "session_key"
    key.write_text("k" * 43)
    urls = {f"NEXUS_URL_{name.upper()}": "http://127.0.0.1:1" for name in BRICKS}
    env = {"NEXUS_URL_GATEWAY": "http://127.0.0.1:1", "SESSION_KEY_FILE": str(key), **urls}
    return Application(read_settings(env), strict=True)


@pytest.fixture(params=LANGUAGES)
async def visit(app: Application, request: pytest.FixtureRequest) -> Visit:
    """A part of a page, asked for by someone who may do everything."""
    claims = "eyJwZXJtaXNzaW9ucyI6WyIqIl0sImVtYWlsIjoiYUBiLmMiLCJleHAiOjk5OTk5OTk5OTl9"
    cookie = f"nexus_lang={request.param}; nexus_rt=r; nexus_at=e30.{claims}.c2ln"
    headers = [(b"cookie", cookie.encode()), (b"hx-request", b"true"), (b"host", b"localhost")]
    state = type("State", (), {"application": app})()
    scope = {"type": "http", "method": "GET", "path": "/orders", "query_string": b"", "headers": headers}
    return await open_visit(Request({**scope, "scheme": "http", "app": type("App", (), {"state": state})()}))


def text_of(visit: Visit, template: str, **values: Any) -> str:
    return bytes(visit.render(template, **values).body).decode()


@pytest.mark.parametrize(
    "changes",
    [
        {"state": "draft", "actions": ["edit", "quote", "cancel"]},
        {"state": "quotation"},
        {"state": "confirmed", "confirmed_at": AT, "actions": ["cancel"]},
        {"state": "processing", "exception": "out_of_stock", "actions": ["backorder", "cancel"]},
        {"state": "processing", "shipment_state": "backorder"},
        {"state": "processing", "exception": "shipment_failed", "shipment_state": "failed"},
        {"state": "cancelled", "cancel_reason": "<script>", "cancelled_at": AT, "actions": []},
        {"state": "done", "done_at": AT, "actions": []},
        {"state": "frozen", "exception": "struck_by_lightning", "actions": []},
    ],
    ids=lambda changes: changes["state"],
)
async def test_an_order_is_drawn_in_every_state(visit: Visit, changes: dict[str, Any]) -> None:
    shown = text_of(
        visit,
        "orders/live.html",
        shipments=[{"state": "ready"}],
        invoices=[{"id": ID, "number": 7, "state": "posted"}],
        **progress(order(**changes)),
    )
    assert shown.count("<li class=") == 8
    assert "<script>" not in shown
    moving = changes["state"] in ("confirmed", "processing")
    assert ("hx-trigger" in shown) is moving


@pytest.mark.parametrize("state", ["requested", "active", "paid", "expired", "cancelling", "cancelled"])
async def test_a_charge_is_drawn_in_every_state(visit: Visit, state: str) -> None:
    invoice = {"id": ID, "number": 7, "charge": charge(state)}
    shown = text_of(visit, "invoices/charge.html", invoice=invoice, qr=code_of(invoice), outcome=Outcome())
    assert ('class="qr"' in shown) is (state == "active")
    assert ("hx-trigger" in shown) is (state in ("active", "requested"))


async def test_the_dashboard_stands_with_any_part_away(visit: Visit) -> None:
    days = [{"day": f"2026-11-{n:02}", "orders": n, "total": f"{n * 97}.50"} for n in range(1, 31)]
    summary = {"by_state": {"done": 5}, "today": days[-1], "days": days, "stuck": 1, "exceptions": 2}
    ageing = {"total": "10.00", "buckets": [{"bucket": "current", "invoices": 1, "amount": "10.00"}]}
    row = {"id": ID, "number": 1, "customer_name": "A", "total": "1", "currency": "BRL", "created_at": AT}
    orders = {"items": [{**row, "state": "done", "exception": None}]}
    full = {
        "sales": Part(summary),
        "summary": summary,
        "chart": draw(days),
        "recent": Part(orders),
        "ageing": Part(ageing),
        "overdue": 0,
        "waiting": Part({"items": []}),
        "gone": [{"id": ID, "name": "Panela", "sku": "P"}],
        "steps": ("draft", "done"),
    }
    shown = text_of(visit, "dashboard/live.html", **full)
    assert shown.count('class="bar-day') == 30
    assert visit.fmt.money("2910.50") in shown
    down, denied = Part(trouble=BrickDown("sales")), Part(trouble=ApiProblem(403, {}))
    for missing in (
        {"sales": down, "summary": None, "chart": None, "recent": down},
        {"ageing": denied, "waiting": denied},
        {"sales": None, "summary": None, "chart": None, "recent": None},
        {"ageing": None, "waiting": None, "gone": None},
    ):
        assert text_of(visit, "dashboard/live.html", **{**full, **missing})


async def test_troubles_are_told_in_the_persons_language(visit: Visit) -> None:
    off, down = visit.explain(BrickDown("crm", off=True)), visit.explain(BrickDown("crm"))
    assert off != down
    taken = ApiProblem(
        409, {"type": "urn:nexus:problem:duplicate-sku", "detail": "There is already a product."}
    )
    assert visit.explain(taken) == (
        "There is already a product." if visit.language == "en" else "Já existe um produto com este SKU."
    )
    strange = ApiProblem(409, {"type": "urn:nexus:problem:never-heard-of", "detail": "Says the module."})
    assert visit.explain(strange) == "Says the module."


def test_settings_name_what_is_missing(tmp_path: Any) -> None:
    with pytest.raises(SystemExit, match="NEXUS_URL_GATEWAY"):
        read_settings({})
    with pytest.raises(SystemExit, match="SESSION_KEY_FILE is not set"):
        read_settings({"NEXUS_URL_GATEWAY": "http://g"})
    short = tmp_path / "key"
    short.write_text("short")
    with pytest.raises(SystemExit, match="5 bytes"):
        read_settings({"NEXUS_URL_GATEWAY": "http://g", "SESSION_KEY_FILE": str(short)})
    short.write_text("k" * 43)
    found = read_settings(
        {"NEXUS_URL_GATEWAY": "http://g/", "SESSION_KEY_FILE": str(short), "NEXUS_URL_CRM": "http://c"}
    )
    assert isinstance(found, Settings)
    assert (found.gateway, dict(found.bricks), found.language) == ("http://g", {"crm": "http://c"}, "pt-BR")
    with pytest.raises(SystemExit, match="Mars/Olympus"):
        read_settings(
            {
                "NEXUS_URL_GATEWAY": "http://g",
                "SESSION_KEY_FILE": str(short),
                "NEXUS_TIMEZONE": "Mars/Olympus",
            }
        )
