"""Memory while logs come in faster than one turn can take: kept from one batch for the next one.

glibc gives what is free at a heap's end back to the system, and the next batch has to ask for it page by page
again: a fifth of the time that a line takes. Settings: https://man7.org/linux/man-pages/man3/mallopt.3.html.
"""

from __future__ import annotations

import ctypes
from functools import cache

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
KEPT = 32 << 20  # bytes that may stay free
LARGE = 8 << 20  # bytes; what is larger is asked for by itself


def keep_freed() -> None:
    """From now on, what a batch leaves stays for the next one."""
    libc = _glibc()
    if libc is not None:
        libc.mallopt(MMAP_THRESHOLD, LARGE)
        libc.mallopt(TRIM_THRESHOLD, KEPT)


def give_back() -> None:
    """Gives all that is free back to the system, once."""
    libc = _glibc()
    if libc is not None:
        libc.malloc_trim(0)


@cache
def _glibc() -> ctypes.CDLL | None:
    """The C library, where it is the one that has these settings."""
    libc = ctypes.CDLL(None)
    return libc if hasattr(libc, "mallopt") and hasattr(libc, "malloc_trim") else None
