"""Permission names."""

import pytest
from nexus_users.domain.permissions import beyond, covers


@pytest.mark.parametrize(
    ("held", "wanted", "answer"),
    [
        ("*", "sales.order.write", True),
        ("*", "*", True),
        ("sales.*", "sales.order.write", True),
        ("sales.*", "sales.order.*", True),
        ("sales.*", "salesforce.x", False),
        ("sales.*", "*", False),
        ("sales.order.*", "sales.*", False),
        ("sales.order.read", "sales.order.write", False),
    ],
)
def test_a_wildcard_covers_what_is_below_it_and_nothing_else(held, wanted, answer):
    assert covers(held, wanted) is answer


def test_what_goes_beyond_ones_own_permissions_is_named():
    assert beyond(["crm.*", "sales.order.read"], ["crm.lead.read", "sales.order.write", "*"]) == [
        "*",
        "sales.order.write",
    ]
