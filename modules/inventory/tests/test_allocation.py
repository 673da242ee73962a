"""Which orders of a batch get their stock."""

from decimal import Decimal
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st
from nexus_inventory.allocation import Missing, Warehouse, Wish, allocate
from nexus_inventory.levels import Level, Stock

MAIN, OTHER = Warehouse(UUID(int=901), True), Warehouse(UUID(int=902), False)
P, Q = UUID(int=1), UUID(int=2)


def shelves(*levels):
    return Stock(
        {
            (product, house.id): Level(product, house.id, Decimal(on_hand), Decimal(reserved), Decimal(1))
            for product, house, on_hand, reserved in levels
        }
    )


def wish(number, **lines):
    products = {"p": P, "q": Q}
    return Wish(UUID(int=number), {products[name]: Decimal(quantity) for name, quantity in lines.items()})


def granted(outcome):
    return [grant.wish.order_id.int for grant in outcome.grants]


def refused(outcome):
    return [refusal.wish.order_id.int for refusal in outcome.refusals]


def test_the_last_unit_goes_to_the_first_order():
    outcome = allocate([wish(1, p=1), wish(2, p=1)], shelves((P, MAIN, 1, 0)), [MAIN], {})
    assert (granted(outcome), refused(outcome)) == ([1], [2])


def test_an_order_gets_all_its_lines_or_none_and_leaves_the_rest_to_others():
    outcome = allocate(
        [wish(1, p=1, q=1), wish(2, p=1)], shelves((P, MAIN, 1, 0), (Q, MAIN, 0, 0)), [MAIN], {}
    )
    assert (granted(outcome), refused(outcome)) == ([2], [1])
    assert outcome.refusals[0].missing == (Missing(Q, Decimal(1), Decimal(0)),)


def test_reserved_stock_is_not_available():
    outcome = allocate([wish(1, p=1)], shelves((P, MAIN, 5, 5)), [MAIN], {})
    assert refused(outcome) == [1]


def test_the_default_warehouse_serves_first_and_another_one_if_it_lacks():
    stock = shelves((P, MAIN, 1, 0), (P, OTHER, 5, 0))
    outcome = allocate([wish(1, p=1), wish(2, p=1)], stock, [MAIN, OTHER], {})
    assert [grant.warehouse for grant in outcome.grants] == [MAIN, OTHER]


def test_an_order_is_not_split_over_warehouses():
    stock = shelves((P, MAIN, 1, 0), (Q, OTHER, 1, 0))
    outcome = allocate([wish(1, p=1, q=1)], stock, [MAIN, OTHER], {})
    assert refused(outcome) == [1]
    assert {line.product_id for line in outcome.refusals[0].missing} == {P, Q}


def test_nobody_overtakes_a_waiting_back_order():
    stock = shelves((P, MAIN, 5, 0))
    outcome = allocate([wish(1, p=2), wish(2, p=1)], stock, [MAIN], {P: Decimal(4)})
    assert (granted(outcome), refused(outcome)) == ([2], [1])
    assert outcome.refusals[0].missing == (Missing(P, Decimal(2), Decimal(1)),)


def test_a_product_nobody_stocks_is_missing_entirely():
    outcome = allocate([wish(1, p=1)], Stock({}), [], {})
    assert outcome.refusals[0].missing == (Missing(P, Decimal(1), Decimal(0)),)


quantities = st.integers(min_value=0, max_value=6)
wishes = st.lists(
    st.dictionaries(st.sampled_from([P, Q]), st.integers(1, 3).map(Decimal), min_size=1), max_size=12
)


@given(st.lists(quantities, min_size=4, max_size=4), wishes)
def test_no_level_is_ever_promised_beyond_what_is_free(amounts, lines):
    places = [(product, house) for product in (P, Q) for house in (MAIN, OTHER)]
    stock = shelves(*((*place, amount, 0) for place, amount in zip(places, amounts, strict=True)))
    asked = [Wish(UUID(int=100 + number), line) for number, line in enumerate(lines)]
    outcome = allocate(asked, stock, [MAIN, OTHER], {})
    assert len(outcome.grants) + len(outcome.refusals) == len(asked)
    for (product, house), amount in zip(places, amounts, strict=True):
        given_out = sum(
            grant.wish.lines.get(product, 0) for grant in outcome.grants if grant.warehouse == house
        )
        assert given_out <= amount
    for refusal in outcome.refusals:
        assert refusal.missing


@given(wishes)
def test_with_enough_stock_everybody_is_served_in_sequence(lines):
    asked = [Wish(UUID(int=100 + number), line) for number, line in enumerate(lines)]
    stock = shelves((P, MAIN, 1000, 0), (Q, MAIN, 1000, 0))
    outcome = allocate(asked, stock, [MAIN], {})
    assert [grant.wish for grant in outcome.grants] == asked
