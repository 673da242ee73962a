"""What movements and reservations do to stock levels."""

from decimal import Decimal
from uuid import UUID

import pytest
from nexus_inventory.levels import LARGEST, Level, NotEnough, Stock, TooMuch, totals

PRODUCT, WAREHOUSE, DOCUMENT = UUID(int=1), UUID(int=2), UUID(int=3)
PLACE = (PRODUCT, WAREHOUSE)


def stock(on_hand="0", reserved="0", cost="0"):
    return Stock({PLACE: Level(PRODUCT, WAREHOUSE, Decimal(on_hand), Decimal(reserved), Decimal(cost))})


def test_receiving_moves_the_average_cost_by_value():
    held = stock(on_hand="10", cost="4")
    held.receive(PLACE, Decimal(30), Decimal(8), "receipt", DOCUMENT)
    assert held.levels[PLACE].on_hand == 40
    assert held.levels[PLACE].average_cost == 7


def test_issuing_leaves_the_average_cost_and_returns_it():
    held = stock(on_hand="10", cost="3.333333")
    assert held.issue(PLACE, Decimal(4), "shipment", DOCUMENT) == Decimal("3.333333")
    assert held.levels[PLACE].average_cost == Decimal("3.333333")
    assert held.levels[PLACE].on_hand == 6
    assert [(line.quantity, line.kind) for line in held.movements] == [(-4, "shipment")]


def test_goods_without_a_cost_come_in_at_the_present_average():
    held = stock(on_hand="2", cost="5")
    held.receive(PLACE, Decimal(2), None, "adjustment", DOCUMENT)
    assert held.levels[PLACE].average_cost == 5
    assert held.movements[0].unit_cost == 5


def test_the_last_average_outlives_an_empty_shelf():
    held = stock(on_hand="1", cost="5")
    held.issue(PLACE, Decimal(1), "shipment", DOCUMENT)
    held.receive(PLACE, Decimal(2), Decimal(9), "receipt", DOCUMENT)
    assert held.levels[PLACE].average_cost == 9


@pytest.mark.parametrize(
    ("take", "more"), [(Stock.issue, ("shipment", DOCUMENT)), (Stock.reserve, ())], ids=["issue", "reserve"]
)
def test_reserved_stock_is_not_taken_and_a_refusal_changes_nothing(take, more):
    held = stock(on_hand="5", reserved="3")
    with pytest.raises(NotEnough) as refused:
        take(held, PLACE, Decimal("2.0001"), *more)
    assert refused.value.available == 2
    assert held.levels[PLACE].on_hand == 5
    assert held.levels[PLACE].reserved == 3
    assert held.changed() == []


def test_a_product_never_seen_in_a_warehouse_is_not_enough():
    with pytest.raises(NotEnough):
        Stock({}).reserve(PLACE, Decimal(1))


def test_more_than_a_quantity_can_hold_is_refused():
    held = stock(on_hand=str(LARGEST))
    with pytest.raises(TooMuch):
        held.receive(PLACE, Decimal("0.0001"), Decimal(1), "receipt", DOCUMENT)


def test_released_stock_is_free_again():
    held = stock(on_hand="5", reserved="5")
    held.release(PLACE, Decimal(2))
    assert held.levels[PLACE].available == 2


def test_lines_of_the_same_product_add_up():
    assert totals([(PRODUCT, Decimal(1)), (PRODUCT, Decimal("2.5"))]) == {PRODUCT: Decimal("3.5")}
