"""One whole ERP for the tests that only look and order; tests that break things start their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from nexus.testing import ThrowawayStack, throwaway_stack


@pytest.fixture(scope="session")
def erp() -> Iterator[ThrowawayStack]:
    with throwaway_stack() as stack:
        yield stack
