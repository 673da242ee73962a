"""What can go wrong with the store."""

from __future__ import annotations


class StoreError(RuntimeError):
    """The store cannot do what it was asked to; the message says why and how to mend it."""


class StoreFull(StoreError):
    """Nothing was written: the disk is nearly full and the store has nothing of its own left to drop."""


class StoreBusy(StoreError):
    """Another process holds the store's files."""


class DayGone(StoreError):
    """A day was dropped or set aside while it was asked for."""
