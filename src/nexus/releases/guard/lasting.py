"""For how long something went wrong.

The test behind requests takes failures as independent, which those of one short trouble elsewhere are not, as
of a provider that restarts: what is compared with the time before must go wrong again.
"""

from __future__ import annotations

from collections.abc import Mapping

SPAN = 4.0  # seconds; a trouble that is no longer falls into two spans that follow each other
APART = 2 * SPAN  # seconds from the begin of one span to that of another, with at least one between them
PART = 4  # a span counts with at least one of so many of the hits of the fullest: single ones do not


def lasted(hits: Mapping[int, int]) -> float:
    """Seconds from the first to the last span with about as many hits as the fullest.

    `hits`: how many there were, by the number of the span (seconds since the epoch divided by `SPAN`).
    """
    most = max(hits.values(), default=0)
    counted = [span for span, count in hits.items() if count and count * PART >= most]
    return (max(counted) - min(counted)) * SPAN if counted else 0.0
