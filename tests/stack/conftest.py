"""One whole ERP for the tests that look, order, or have it come back; others start their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from nexus.testing import ThrowawayStack, throwaway_stack


@pytest.fixture(scope="session")
def erp() -> Iterator[ThrowawayStack]:
    with throwaway_stack() as stack:
        yield stack
