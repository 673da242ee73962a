"""The simulated PSP's webhooks: sent over HTTP, signed, many transfers in one call, sometimes twice or late.

They are kept in memory only: a PSP's webhook may get lost, and the books must find the payment all the same.
"""

import asyncio
import heapq
from dataclasses import dataclass, field
from itertools import count
from time import monotonic

import aiohttp
import orjson
from nexus_kit.logs import log

from .signature import HEADER, sign

LARGEST = 200  # transfers in one call
ATTEMPTS = 8
TIMEOUT_S = 5.0

_turn = count()


@dataclass(order=True, slots=True)
class Notice:
    """A transfer to report at `due` (monotonic seconds), `copies` times at once."""

    due: float
    turn: int = field(default_factory=lambda: next(_turn), init=False)
    body: dict[str, str] = field(compare=False)
    copies: int = field(compare=False, default=1)
    attempts: int = field(compare=False, default=0)


class Webhooks:
    """The queue of notices and their delivery to one address."""

    def __init__(self, url: str, secret: bytes) -> None:
        self._url = url
        self._secret = secret
        self._queue: list[Notice] = []

    def report(self, body: dict[str, str], copies: int, delay_s: float) -> None:
        """Report the transfer in `delay_s` seconds, `copies` times at once."""
        heapq.heappush(self._queue, Notice(monotonic() + delay_s, body, copies))

    async def deliver(self) -> None:
        """Send what is due; what the receiver did not take is tried again, later each time."""
        while due := self._due():
            async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_S)) as http:
                single = [notice for notice in due if notice.copies == 1]
                calls = [self._send(http, single)] if single else []
                for notice in due:
                    if notice.copies > 1:
                        calls += [self._send(http, [notice]) for _ in range(notice.copies)]
                await asyncio.gather(*calls)

    def _due(self) -> list[Notice]:
        due: list[Notice] = []
        while self._queue and self._queue[0].due <= monotonic() and len(due) < LARGEST:
            due.append(heapq.heappop(self._queue))
        return due

    async def _send(self, http: aiohttp.ClientSession, notices: list[Notice]) -> None:
        body = orjson.dumps({"pix": [notice.body for notice in notices]})
        headers = {"Content-Type": "application/json", HEADER: sign(body, self._secret)}
        try:
            async with http.post(self._url, data=body, headers=headers) as answer:
                taken = answer.status == 202
                reason = f"answered {answer.status}"
        except (aiohttp.ClientError, TimeoutError) as error:
            taken, reason = False, str(error) or type(error).__name__
        if not taken:
            self._again(notices, reason)

    def _again(self, notices: list[Notice], reason: str) -> None:
        log.warning("webhook not taken", extra={"url": self._url, "reason": reason})
        for notice in notices:
            attempts = notice.attempts + 1
            if attempts < ATTEMPTS:
                again = Notice(monotonic() + 0.5 * 2**attempts, notice.body, 1, attempts)
                heapq.heappush(self._queue, again)
