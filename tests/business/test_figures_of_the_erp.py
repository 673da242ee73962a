"""Every figure of the ERP, asked of a real database that holds the demonstration company."""

import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from nexus.business.figures import Figures
from nexus.business.objectives import Objectives
from nexus.telemetry import query

SAO_PAULO = ZoneInfo("America/Sao_Paulo")
pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture
def figures(store, targets):
    figures = Figures(store)
    figures.aim(targets)
    yield figures
    figures.database.close()


async def test_every_kpi_answers_and_says_what_the_demonstration_says(figures, demo):
    now = datetime.now(UTC)
    await figures.ask_due(time.time())
    facts = {kpi["name"]: kpi for kpi in figures.facts()["kpis"]}
    asked = {
        name: kpi["error"] for name, kpi in facts.items() if kpi["module"] not in ("gateway", "frontend")
    }
    assert len(asked) >= 24
    assert asked == dict.fromkeys(asked, "")
    assert figures.facts()["skipped"] == {}

    def one(name):
        (value,) = (each["value"] for each in facts[name]["values"])
        return pytest.approx(value)

    def by(name, label):
        return {each["labels"][label]: each["value"] for each in facts[name]["values"]}

    today = now.astimezone(SAO_PAULO).date()
    overdue = [
        order.total
        for order in demo.orders
        if order.shipped_at and not order.paid_at
        and (order.shipped_at + timedelta(seconds=1)).date() + timedelta(days=7) < today
    ]  # fmt: skip
    assert (one("overdue-receivables"), one("overdue-value")) == (len(overdue), float(sum(overdue)))
    assert len(overdue) > 3
    assert one("stock-outs") == len(demo.announced)
    recent = [lead.status for lead in demo.leads if lead.created_at > now - timedelta(days=30)]
    assert one("lead-conversion") == 100 * recent.count("converted") / len(recent)
    assert sum(by("open-leads", "status").values()) == sum(
        lead.status in ("new", "qualified") for lead in demo.leads
    )
    midnight = datetime.combine(today, datetime.min.time(), SAO_PAULO)
    assert one("new-customers") == sum(customer.created_at >= midnight for customer in demo.customers)
    week = [o for o in demo.orders if o.confirmed_at and o.confirmed_at > now - timedelta(days=7)]
    hours = (now - min(o.confirmed_at for o in week)).total_seconds() / 3600
    assert facts["usual-order-value"]["values"][0]["value"] == pytest.approx(
        float(sum(o.total for o in week)) / hours, rel=1e-3
    )
    lead_times = by("order-to-cash-time", "quantile")
    assert 60 < lead_times["0.5"] < lead_times["0.95"]
    assert by("orders-stuck", "step") == dict.fromkeys(
        ("reserve", "ship", "invoice", "reconcile", "complete", "undo"), 0
    )
    assert 80 < facts["quote-conversion"]["values"][0]["value"] < 95
    assert one("month-end-close") == 75
    assert (one("login-success"), by("login-failures", "reason")["wrong_password"]) == (75, 1)
    assert (one("pending-invitations"), one("active-users"), one("reservation-failures")) == (1, 1, 1)
    assert one("oldest-invitation") == pytest.approx(3, abs=0.1)


async def test_values_are_kept_as_points_with_their_module_unit_and_labels(figures, store):
    await figures._keep(await figures.ask_due(time.time()))
    found = query.sql(store, "SELECT labels, value FROM business WHERE name = 'nexus_kpi'", 100, 5)
    labels = [row[0] for row in found.rows]
    assert any(
        '"kpi":"orders-stuck","module":"sales","step":"ship","unit":"count"' in text for text in labels
    )


async def test_facts_of_the_last_28_days_are_counted_once_and_survive_a_restart(
    figures, store, targets, demo
):
    objectives = Objectives(store, figures)
    objectives.aim(targets)
    now = time.time()
    for _ in range(4):
        await objectives.look(now)
    since = datetime.fromtimestamp((now // 3600 - 28 * 24 + 1) * 3600, UTC)
    confirmed = [order.confirmed_at for order in demo.orders if order.confirmed_at]
    invoiced = sum(at + timedelta(minutes=1) >= since for at in confirmed)
    assert objectives.window("order-to-cash", "invoiced", "28d") == (invoiced, invoiced)
    good, total = objectives.window("order-to-cash", "completed", "28d")
    assert 0 < good < total
    assert objectives.window("cash-collection", "reconciled", "28d").total > 500
    status = objectives.status()["order-to-cash"]
    assert status["value_per_hour"] is None or status["value_per_hour"] > 0
    assert [each["error"] for each in status["objectives"]] == [""] * 4
    again = Objectives(store, figures)
    again.aim(targets)
    await again.look(now)
    for process, objective in (("order-to-cash", "invoiced"), ("cash-collection", "reconciled")):
        for window in ("1d", "3d", "28d"):
            assert again.window(process, objective, window) == objectives.window(process, objective, window)
