"""Role inheritance never goes in a circle."""

import itertools

from hypothesis import given
from hypothesis import strategies as st
from nexus_users.domain.inheritance import circle


def test_a_circle_is_shown_as_the_way_around():
    assert circle({"a": ["b"], "b": ["c"], "c": ["a"]}, "a") == ["a", "b", "c", "a"]
    assert circle({"a": ["a"]}, "a") == ["a", "a"]


def test_a_diamond_is_no_circle():
    assert circle({"a": ["b", "c"], "b": ["d"], "c": ["d"]}, "a") == []


def test_a_circle_further_up_that_does_not_pass_the_role_is_not_its_own():
    assert circle({"a": ["b"], "b": ["c"], "c": ["b"]}, "a") == []


@given(st.dictionaries(st.integers(0, 7), st.lists(st.integers(0, 7), max_size=4), max_size=8))
def test_a_way_exists_exactly_when_the_role_is_among_its_own_ancestors(parents):
    ancestors, waiting = set(), list(parents.get(0, []))
    while waiting:
        role = waiting.pop()
        if role not in ancestors:
            ancestors.add(role)
            waiting += parents.get(role, [])
    way = circle(parents, 0)
    assert bool(way) == (0 in ancestors)
    assert all(after in parents[before] for before, after in itertools.pairwise(way))
