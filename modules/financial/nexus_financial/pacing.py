"""Work in batches under load, at once when it is quiet."""

import asyncio
from time import monotonic


class Pace:
    """Lets a loop run at most once in `seconds`: at once after a pause, else later.

    What came in meanwhile is then done together: one transaction for many orders instead of one each.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._next = 0.0

    async def turn(self) -> None:
        """Wait for the next turn."""
        wait = self._next - monotonic()
        if wait > 0:
            await asyncio.sleep(wait)
        self._next = monotonic() + self._seconds
