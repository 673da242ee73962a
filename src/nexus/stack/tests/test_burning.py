import pytest

from nexus.stack.burning import FAST_BURN, reachable


@pytest.mark.parametrize(
    ("target", "rate"), [(0.999, FAST_BURN), (0.95, FAST_BURN), (0.9, 9.0), (0.5, 1.8), (0.05, 1.0)]
)
def test_a_fast_burn_can_be_reached_at_any_target(target: float, rate: float) -> None:
    assert reachable(FAST_BURN, target) == pytest.approx(rate)
    assert reachable(FAST_BURN, target) * (1 - target) < 1
