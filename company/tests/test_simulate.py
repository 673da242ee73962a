"""What simulated users decide, and what is told of them; whole journeys run in tests/stack."""

import random

import pytest
from nexus_company import people
from nexus_company.journey import Tally
from nexus_company.shop import Shop
from nexus_company.simulate import _report, _seconds

SHOP = Shop([f"customer {n}" for n in range(40)], [f"product {n}" for n in range(20)], list(range(1, 21)))


def test_the_same_seed_places_the_same_orders() -> None:
    def orders(seed: int) -> list[dict[str, object]]:
        rng = random.Random(seed)
        return [SHOP.draw_order(rng) for _ in range(50)]

    assert orders(3) == orders(3)
    assert orders(3) != orders(4)


def test_an_order_names_each_product_once_and_asks_for_some_of_it() -> None:
    rng = random.Random(1)
    for order in (SHOP.draw_order(rng) for _ in range(500)):
        products = [line["product_id"] for line in order["lines"]]
        assert 1 <= len(products) == len(set(products)) <= 4
        assert all(int(line["quantity"]) > 0 for line in order["lines"])


def test_the_report_counts_each_end_and_ranks_the_latencies() -> None:
    tally = Tally(placed=103, completed=100, cancelled=2, latencies=[n / 1000 for n in range(100, 0, -1)])
    tally.fail("away")
    report = _report(tally, 4.0, 7, True)
    assert report["orders"] == {"placed": 103, "completed": 100, "cancelled": 2, "failed": 1}
    assert (report["orders_per_second"], report["reasons"]) == (25.0, {"away": 1})
    assert report["latency_ms"] == {"p50": 50.0, "p95": 95.0, "p99": 99.0}
    assert _report(Tally(), 1.0, 0, True)["latency_ms"] == {"p50": None, "p95": None, "p99": None}


@pytest.mark.parametrize(("text", "seconds"), [("60s", 60), ("5m", 300), ("1.5h", 5400), ("250ms", 0.25)])
def test_durations_are_read_with_their_unit(text: str, seconds: float) -> None:
    assert _seconds(text) == seconds


def test_tax_ids_carry_the_check_digits_of_the_official_examples() -> None:
    weights = [5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]
    assert people.check_digits("12ABC34501DE", weights, [6, *weights]) == "35"
    assert people.check_digits("112223330001", weights, [6, *weights]) == "81"
    assert people.check_digits("529982247", list(range(10, 1, -1)), list(range(11, 1, -1))) == "25"
