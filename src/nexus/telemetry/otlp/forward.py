"""Everything that is stored, sent on to another OTLP/HTTP endpoint.

The store is the buffer: what the endpoint does not take now is read again later, for as long as it is kept.
How far it came lies in a file; what was dropped from the store before it could be sent is counted.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import orjson

from nexus.telemetry.otlp import feed
from nexus.telemetry.otlp.encode import Encoded, encode_logs, encode_spans
from nexus.telemetry.otlp.encode_metrics import PointEncoder
from nexus.telemetry.otlp.messages import OtlpSignal
from nexus.telemetry.otlp.sending import Outcome, send
from nexus.telemetry.records import Signal
from nexus.telemetry.store import Store, StoreError
from nexus.telemetry.targets import Targets

log = logging.getLogger("nexus.telemetry")

EVERY = 2.0  # seconds between two looks for something new
AT_ONCE = 2_000  # rows of one request
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0  # seconds after a failure; each is twice the former
CURSORS = "forwarded.json"


@dataclass(frozen=True)
class Lane:
    """One signal of the store, as what it is sent, and how it is encoded."""

    signal: Signal
    sent_as: OtlpSignal
    encode: Callable[[list[dict[str, Any]]], Encoded]


class Forwarder:
    """Sends what is stored from now on to `endpoint` (its base; `/v1/traces` and so on are added).

    `headers` is a secret file with a header a line, read at each request. For an endpoint that is new,
    forwarding begins with what is stored next.
    """

    def __init__(
        self,
        store: Store,
        endpoint: str,
        headers: Path | None = None,
        every: float = EVERY,
        pause: float = FIRST_PAUSE,
    ) -> None:
        self._store = store
        self._endpoint = endpoint
        self._headers = headers
        self._every = every
        self._pause = pause
        self._file = store.folder / CURSORS
        self._lanes = (
            Lane("logs", "logs", encode_logs),
            Lane("traces", "traces", encode_spans),
            Lane("metrics", "metrics", PointEncoder().encode),
            Lane("business", "metrics", PointEncoder().encode),
        )
        self._places: dict[str, int] = {}
        self._counts: dict[str, Counter[str]] = {lane.signal: Counter() for lane in self._lanes}
        self._firsts: dict[str, feed.Firsts] = {lane.signal: {} for lane in self._lanes}
        self._faults: dict[str, str] = {}

    def aim(self, targets: Targets) -> None:
        """The endpoint stays the same whatever runs."""

    async def run(self) -> None:
        """Forwards until cancelled."""
        self._places = await asyncio.to_thread(self._begin)
        async with (
            aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session,
            asyncio.TaskGroup() as lanes,
        ):
            for lane in self._lanes:
                lanes.create_task(self._keep_sending(session, lane), name=f"forward {lane.signal}")

    def facts(self) -> dict[str, Any]:
        """For each signal: rows sent, refused (by the endpoint, or since OTLP cannot tell them), lost before
        that, still to be sent.
        """
        return {
            "endpoint": self._endpoint,
            "signals": {
                lane.signal: {
                    "sent": self._counts[lane.signal]["sent"],
                    "refused": self._counts[lane.signal]["refused"],
                    "lost": self._counts[lane.signal]["lost"],
                    "behind": max(0, self._store.committed(lane.signal) - self._at(lane)),
                    "fault": self._faults.get(lane.signal, ""),
                }
                for lane in self._lanes
            },
        }

    def _at(self, lane: Lane) -> int:
        """The number of the last row that was sent."""
        return self._places.get(lane.signal, 0)

    async def _keep_sending(self, session: aiohttp.ClientSession, lane: Lane) -> None:
        """Outlives whatever it meets, so that no signal holds up another."""
        while True:
            pause = self._every
            try:
                if await self._step(session, lane):
                    continue
            except StoreError as error:
                self._say(lane, f"the store cannot be read: {error}")
            except Exception as error:
                log.exception("forwarding %s met an error and goes on", lane.signal)
                self._faults[lane.signal] = f"{type(error).__name__}: {error}"
                pause = max(pause, self._pause)
            await asyncio.sleep(pause)

    async def _step(self, session: aiohttp.ClientSession, lane: Lane) -> bool:
        """Sends the next portion; whether there was one."""
        firsts = self._firsts[lane.signal]
        portion = await asyncio.to_thread(
            feed.read, self._store, lane.signal, self._at(lane), AT_ONCE, firsts
        )
        if portion.lost:
            self._counts[lane.signal]["lost"] += portion.lost
            log.warning(
                "%d rows of %s were dropped before they could be forwarded", portion.lost, lane.signal
            )
        if not portion.rows:
            return False
        await self._deliver(session, lane, portion.rows)
        self._places[lane.signal] = portion.number
        await asyncio.to_thread(self._save)
        return True

    async def _deliver(self, session: aiohttp.ClientSession, lane: Lane, rows: list[dict[str, Any]]) -> None:
        """Returns when the endpoint has the rows, or refused them for good."""
        encoded = await asyncio.to_thread(lane.encode, rows)
        if encoded.refused == len(rows):
            self._count(lane, encoded, 0, Outcome(True))
            return
        pause = self._pause
        while True:
            outcome = await send(session, self._endpoint, lane.sent_as, encoded.message, self._headers)
            if outcome.too_large and len(rows) > 1:
                middle = len(rows) // 2
                await self._deliver(session, lane, rows[:middle])
                await self._deliver(session, lane, rows[middle:])
                return
            if not outcome.again:
                self._count(lane, encoded, len(rows) - encoded.refused, outcome)
                return
            self._say(lane, outcome.said)
            await asyncio.sleep(max(outcome.wait, random.uniform(pause / 2, pause)))
            pause = min(2 * pause, LONGEST_PAUSE)

    def _count(self, lane: Lane, encoded: Encoded, rows: int, outcome: Outcome) -> None:
        refused = outcome.refused if outcome.kept else rows
        self._counts[lane.signal]["sent"] += max(0, rows - refused)
        self._counts[lane.signal]["refused"] += refused + encoded.refused
        if refused:
            self._say(lane, f"{refused} rows were refused: {outcome.said}")
        elif encoded.refused:
            self._say(lane, f"{encoded.refused} rows cannot be told in OTLP: {encoded.why}")
        else:
            self._faults.pop(lane.signal, None)

    def _say(self, lane: Lane, fault: str) -> None:
        if self._faults.get(lane.signal) != fault:
            log.warning("forwarding %s to %s: %s", lane.signal, self._endpoint, fault)
        self._faults[lane.signal] = fault

    def _begin(self) -> dict[str, int]:
        """Where each signal goes on: where it stopped, or now when this endpoint is new."""
        with contextlib.suppress(FileNotFoundError, ValueError, KeyError, TypeError):
            told = orjson.loads(self._file.read_bytes())
            if told["endpoint"] == self._endpoint:
                return {signal: int(number) for signal, number in told["places"].items()}
        return {lane.signal: self._store.committed(lane.signal) for lane in self._lanes}

    def _save(self) -> None:
        """Writes the places down so that a crash leaves the former file or this one."""
        told = {"endpoint": self._endpoint, "places": self._places}
        draft = self._file.with_suffix(".new")
        draft.write_bytes(orjson.dumps(told))
        os.replace(draft, self._file)
