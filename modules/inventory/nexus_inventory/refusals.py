"""What the stock refuses, as answers to people."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from nexus_kit import problem

from .levels import LARGEST, NotEnough, TooMuch


@contextmanager
def refusals() -> Iterator[None]:
    """Turn a refused change of stock into a problem: 409 not enough free stock, 422 too much."""
    try:
        yield
    except NotEnough as refused:
        raise problem(
            409,
            "insufficient-stock",
            f"Only {refused.available} of product {refused.product_id} are free, {refused.requested} needed.",
            product_id=str(refused.product_id),
            warehouse_id=str(refused.warehouse_id),
            requested=str(refused.requested),
            available=str(refused.available),
        ) from None
    except TooMuch as refused:
        raise problem(
            422,
            "too-much-stock",
            f"A warehouse holds at most {LARGEST} of a product.",
            product_id=str(refused.product_id),
        ) from None
