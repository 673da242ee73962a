"""The store of telemetry: DuckDB files by signal and day, written by one process, read by its queries."""

from nexus.telemetry.store.errors import DayGone, StoreBusy, StoreError, StoreFull
from nexus.telemetry.store.policy import Keep, Policy
from nexus.telemetry.store.store import Store

__all__ = ["DayGone", "Keep", "Policy", "Store", "StoreBusy", "StoreError", "StoreFull"]
