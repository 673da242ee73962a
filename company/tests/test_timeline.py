"""The demo company's history: same seed, same company; and one a retailer would recognise."""

from collections import Counter
from datetime import UTC, date, datetime
from decimal import Decimal

from nexus_company.timeline import compose, demand

UNTIL = datetime(2026, 11, 23, 18, tzinfo=UTC)


def test_same_seed_gives_the_same_company() -> None:
    assert compose(UNTIL, 7) == compose(UNTIL, 7)
    assert compose(UNTIL, 7) != compose(UNTIL, 8)


def test_history_is_in_order_and_ends_at_the_given_moment() -> None:
    timeline = compose(UNTIL, 1)
    assert len(timeline.customers) == 320
    assert len(timeline.orders) > 1500
    for order in timeline.orders:
        times = [order.created_at, order.confirmed_at, order.shipped_at, order.paid_at, order.reconciled_at]
        known = [at for at in times if at is not None]
        assert known == sorted(known)
        assert known[-1] <= UNTIL
        assert order.customer.created_at < order.created_at
        assert (order.outcome == "done") == (order.reconciled_at is not None)


def test_stock_never_runs_below_zero() -> None:
    timeline = compose(UNTIL, 3)
    moves = [
        (r.at, product, quantity) for r in timeline.receipts for product, quantity in r.quantities.items()
    ]
    moves += [
        (order.shipped_at, line.product.id, -line.quantity)
        for order in timeline.orders
        if order.shipped_at
        for line in order.lines
    ]
    level: Counter[object] = Counter()
    for _, product, quantity in sorted(moves, key=lambda move: move[0]):
        level[product] += quantity
        assert level[product] >= Decimal(0)


def test_the_week_the_pay_day_and_black_friday_show() -> None:
    assert demand(date(2026, 10, 17)) > demand(date(2026, 10, 14)) > demand(date(2026, 10, 18))
    assert demand(date(2026, 11, 3)) > demand(date(2026, 11, 10))
    assert demand(date(2026, 11, 27)) > 2 * demand(date(2026, 11, 13))
