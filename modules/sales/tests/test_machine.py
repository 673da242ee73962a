"""The state machine alone: tables, commands and facts in every order."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nexus_sales.machine import (
    FINANCIAL_FACTS,
    INVENTORY_FACTS,
    Fact,
    Refused,
    Step,
    allowed,
    backorder,
    cancel,
    learn,
    move,
)
from nexus_sales.states import OPEN, TRANSITIONS, Actor, Invoice, Order, State, Stock, sources

START = datetime(2026, 11, 2, 12, tzinfo=UTC)
FACTS = (*INVENTORY_FACTS, *FINANCIAL_FACTS)
HAPPY = ("stock.reserved", "shipment.shipped", "invoice.posted", "payment.received", "payment.reconciled")
CONFIRMED = Order(state=State.CONFIRMED, confirmed_at=START)


def fact(kind: str, second: int) -> Fact:
    return Fact(kind, START + timedelta(seconds=second), {})


def story(*kinds: str) -> list[Fact]:
    return [fact(kind, second) for second, kind in enumerate(kinds, 1)]


def tell(order: Order, facts: list[Fact]) -> tuple[Order, list[Step]]:
    steps = []
    for one in facts:
        step = learn(order, one, START + timedelta(hours=1))
        steps.append(step)
        order = step.order
    return order, steps


def illegal(order: Order) -> str | None:
    """Why a combination of state and facets may not exist."""
    if order.state in (State.DRAFT, State.QUOTATION):
        if order.stock is not Stock.NONE or order.invoice is not Invoice.NONE or order.confirmed_at:
            return "an unconfirmed order has facets"
    elif order.state in (*OPEN, State.DONE) and order.confirmed_at is None:
        return "it was never confirmed"
    if order.state is State.CONFIRMED and (order.reserved_at or order.invoiced_at or order.paid_at):
        return "processing began, yet it is only confirmed"
    if order.state is State.DONE:
        marks = (order.shipped_at, order.invoiced_at, order.paid_at, order.reconciled_at, order.done_at)
        if None in marks:
            return "done without all milestones"
    if (order.state is State.CANCELLED) != (order.cancelled_at is not None):
        return "cancelled and cancelled_at disagree"
    if order.exception and order.state not in OPEN:
        return "a closed order has an exception"
    return None


def test_the_happy_path_ends_done_whatever_the_order_of_events():
    told = story(*HAPPY)
    for shuffled in permutations(told):
        order, steps = tell(CONFIRMED, list(shuffled))
        assert order.state is State.DONE
        assert [event for step in steps for event in step.events] == [("order.completed", {})]
        assert illegal(order) is None


@given(st.lists(st.tuples(st.sampled_from(FACTS), st.integers(0, 9)), max_size=25))
@settings(max_examples=400, deadline=None)
def test_no_order_of_events_leads_to_an_illegal_state(kinds: list[tuple[str, int]]):
    order = CONFIRMED
    for kind, second in kinds:
        after = learn(order, fact(kind, second), START + timedelta(hours=1)).order
        assert illegal(after) is None
        if order.state in (State.DONE, State.CANCELLED):
            assert after.state is order.state
        order = after


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_commands_among_events_never_lead_to_an_illegal_state(data: st.DataObject):
    order, now = Order(), START
    completed = cancelled = 0
    for _ in range(data.draw(st.integers(0, 20))):
        now += timedelta(seconds=1)
        action = data.draw(st.sampled_from([*allowed(order), *FACTS]))
        if action in FACTS:
            step = learn(order, fact(action, data.draw(st.integers(0, 30))), now)
        elif action == "cancel":
            step = cancel(order, "asked", Actor.USER, now)
        elif action == "backorder":
            step = backorder(order, now)
        elif action == "edit":
            step = Step(order)
        else:
            state = move(order, action, Actor.USER)
            step = Step(replace(order, state=state, confirmed_at=now if action == "confirm" else None))
        order = step.order
        completed += sum(kind == "order.completed" for kind, _ in step.events)
        cancelled += sum(kind == "order.cancelled" for kind, _ in step.events)
        assert illegal(order) is None
    assert completed + cancelled <= 1


@given(st.permutations([*story(*HAPPY), *story("", *HAPPY)[1:]]))
@settings(max_examples=100, deadline=None)
def test_repeated_events_leave_no_second_trace(told: list[Fact]):
    order, steps = tell(CONFIRMED, told)
    keys = [entry.key for step in steps for entry in step.entries]
    assert order.state is State.DONE
    assert sorted(keys) == sorted([*HAPPY, "order.completed"])


@given(st.lists(st.tuples(st.sampled_from(INVENTORY_FACTS), st.integers(0, 20)), max_size=8), st.randoms())
@settings(max_examples=300, deadline=None)
def test_the_goods_end_in_the_same_place_whatever_the_order_of_events(kinds, random):
    told = [fact(kind, second) for kind, second in kinds]
    shuffled = random.sample(told, len(told))
    one, _ = tell(CONFIRMED, told)
    other, _ = tell(CONFIRMED, shuffled)
    assert one == other


@given(st.lists(st.sampled_from(FACTS), max_size=12))
@settings(max_examples=200, deadline=None)
def test_the_invoice_never_goes_back(kinds: list[str]):
    climb = list(Invoice)
    order = CONFIRMED
    for second, kind in enumerate(kinds):
        after = learn(order, fact(kind, second), START).order
        assert climb.index(after.invoice) >= climb.index(order.invoice)
        order = after


def test_a_failed_reservation_offers_a_back_order_that_ends_done():
    order, _ = tell(CONFIRMED, story("stock.reservation_failed"))
    assert (order.state, order.exception, order.shipment_state) == (State.CONFIRMED, "out_of_stock", "none")
    assert allowed(order) == ("backorder", "cancel")
    step = backorder(order, START + timedelta(minutes=1))
    assert step.events == (("order.backorder_requested", {}),)
    assert (step.order.exception, step.order.shipment_state) == (None, "backorder")
    late = learn(step.order, fact("stock.reservation_failed", 1), START)
    assert late.order == step.order
    order, _ = tell(step.order, [fact(kind, 120 + n) for n, kind in enumerate(HAPPY)])
    assert order.state is State.DONE


def test_a_back_order_holds_even_when_the_clocks_of_two_machines_differ():
    order, _ = tell(CONFIRMED, story("stock.reservation_failed"))
    step = backorder(order, START)
    assert step.order.stock is Stock.BACKORDER
    assert learn(step.order, fact("stock.reservation_failed", 1), START).order == step.order


def test_a_failed_shipment_is_an_exception_and_may_be_tried_again_or_cancelled():
    order, _ = tell(CONFIRMED, story("stock.reserved", "shipment.failed"))
    assert (order.state, order.exception, order.shipment_state) == (
        State.PROCESSING,
        "shipment_failed",
        "failed",
    )
    assert allowed(order) == ("backorder", "cancel")


def test_an_expired_payment_cancels_and_says_whether_goods_left():
    order, _ = tell(CONFIRMED, story("stock.reserved", "shipment.shipped", "invoice.posted"))
    step = learn(order, fact("payment.expired", 9), START)
    assert step.order.state is State.CANCELLED
    assert step.events == (("order.cancelled", {"reason": "payment_expired", "shipped": True}),)
    assert step.order.exception is None
    early = learn(CONFIRMED, fact("payment.expired", 1), START)
    assert early.events == step.events


def test_an_expired_payment_does_not_cancel_what_was_paid():
    order, _ = tell(CONFIRMED, story(*HAPPY[:4]))
    assert learn(order, fact("payment.expired", 9), START) == Step(order)


def test_after_a_cancellation_the_compensations_are_still_recorded():
    order, _ = tell(CONFIRMED, story("stock.reserved", "shipment.shipped", "invoice.posted"))
    order = cancel(order, "asked", Actor.USER, START).order
    order, steps = tell(order, [fact("shipment.returned", 20), fact("invoice.reversed", 21)])
    assert (order.state, order.shipment_state, order.invoice) == (
        State.CANCELLED,
        "returned",
        Invoice.REVERSED,
    )
    assert [entry.key for step in steps for entry in step.entries] == [
        "shipment.returned",
        "invoice.reversed",
    ]


def test_cancelling_what_nobody_heard_of_tells_nobody():
    for state in (State.DRAFT, State.QUOTATION):
        assert cancel(Order(state=state), "asked", Actor.USER, START).events == ()


@pytest.mark.parametrize("state", [State.DONE, State.CANCELLED])
def test_final_states_allow_nothing(state: State):
    order = Order(state=state)
    assert allowed(order) == ()
    with pytest.raises(Refused, match="it allows: nothing"):
        cancel(order, "asked", Actor.USER, START)


def test_users_cannot_cause_what_only_other_modules_know():
    for cause in ("begin", "complete"):
        for state in sources(cause):
            with pytest.raises(Refused):
                move(Order(state=state), cause, Actor.USER)


def test_every_state_is_reached_and_final_ones_have_no_way_out():
    assert {row.target for row in TRANSITIONS} | {State.DRAFT} == set(State)
    assert not {row.source for row in TRANSITIONS} & {State.DONE, State.CANCELLED}
