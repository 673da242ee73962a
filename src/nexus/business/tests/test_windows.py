import pytest
from hypothesis import given
from hypothesis import strategies as st

from nexus.business.budgets import budget_remaining, burn_rate, indicator
from nexus.business.windows import HOURS_KEPT, MINUTES_KEPT, WINDOWS, Buckets, Events, Ring

NOW = 29_600_000  # minutes since the epoch
HAPPENED = st.lists(
    st.tuples(st.integers(0, WINDOWS["28d"] + 200), st.integers(0, 9), st.integers(0, 9)), max_size=40
)


@given(HAPPENED, st.sampled_from(sorted(WINDOWS)))
def test_a_window_is_the_sum_of_what_happened_in_it_in_whatever_order_it_was_told(
    happened: list[tuple[int, int, int]], window: str
) -> None:
    buckets = Buckets()
    for ago, good, bad in happened:
        buckets.add(NOW - ago, Events(good, good + bad))
    minutes = WINDOWS[window]
    unit = 1 if minutes <= MINUTES_KEPT else 60
    inside = [(g, g + b) for ago, g, b in happened if (NOW - ago) // unit > NOW // unit - minutes // unit]
    assert buckets.window(minutes, NOW) == (sum(g for g, _ in inside), sum(t for _, t in inside))


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 5))), st.integers(0, 60), st.integers(0, 60))
def test_a_ring_forgets_what_is_older_than_its_size(
    added: list[tuple[int, int]], first: int, last: int
) -> None:
    ring = Ring(16)
    for slot, count in added:
        ring.add(slot, count)
    oldest = max((slot for slot, _ in added), default=0) - 15
    expected = sum(count for slot, count in added if max(first, oldest) <= slot <= last)
    assert ring.sum(first, last) == expected


def test_hours_without_their_minutes_count_in_the_longest_window_alone() -> None:
    buckets = Buckets()
    buckets.add_hour(NOW // 60 - HOURS_KEPT + 1, Events(8, 10))
    assert buckets.window(WINDOWS["28d"], NOW) == (8, 10)
    assert buckets.window(WINDOWS["3d"], NOW) == (0, 0)


@pytest.mark.parametrize(
    ("events", "target", "share", "rate", "left"),
    [
        (Events(9990, 10000), 0.999, 0.999, 1.0, 0.0),  # 10 bad of 10 allowed
        (Events(9999, 10000), 0.999, 0.9999, 0.1, 0.9),  # 1 of 10
        (Events(980, 1000), 0.99, 0.98, 2.0, -1.0),  # 20 of 10: overspent by as much again
        (Events(856, 1000), 0.99, 0.856, 14.4, -13.4),
        (Events(19, 20), 0.95, 0.95, 1.0, 0.0),
        (Events(0, 4), 0.95, 0.0, 20.0, -19.0),  # nothing works: 1 / 5 %
        (Events(7, 7), 0.999, 1.0, 0.0, 1.0),
    ],
)
def test_the_arithmetic_of_objectives(
    events: Events, target: float, share: float, rate: float, left: float
) -> None:
    assert indicator(events) == pytest.approx(share)
    assert burn_rate(events, target) == pytest.approx(rate)
    assert budget_remaining(events, target) == pytest.approx(left)


def test_no_events_are_no_data_and_not_a_hundred_percent() -> None:
    none = Buckets().window(60, NOW)
    assert (indicator(none), burn_rate(none, 0.999), budget_remaining(none, 0.999)) == (None, None, None)
