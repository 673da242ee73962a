"""What modules in containers sent to the agent, fetched from there, each payload once.

How far it came is kept in the store in one transaction with the rows, per signal; the next question tells the
agent what may be forgotten.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson
import pyarrow as pa

from nexus.telemetry.otlp.decode import Taker, masked
from nexus.telemetry.otlp.messages import REQUESTS, OtlpSignal, Undecodable, parse
from nexus.telemetry.scrape.series import Series
from nexus.telemetry.store import Store, StoreError
from nexus.telemetry.targets import Targets

log = logging.getLogger("nexus.telemetry")

KEY = "otlp-agent"
WAIT = 20.0  # seconds that the agent keeps a question open while there is nothing
GATHER = 0.5  # seconds between two answers, so that many small ones become few
PAUSE = 5.0  # seconds after a failure
LARGEST_ANSWER = 64 << 20
# Traces last and in any case, with or without rows: what their checkpoint says is acknowledged.
ORDER: tuple[OtlpSignal, ...] = ("logs", "metrics", "traces")


@dataclass(frozen=True)
class Payload:
    """One request that a module sent."""

    number: int
    signal: OtlpSignal
    type: str
    encoding: str
    body: bytes


@dataclass(frozen=True)
class Pulled:
    """One answer of the agent. `boot` is another one after each of its starts, and numbers begin anew."""

    boot: str
    cursor: int
    dropped: int
    payloads: tuple[Payload, ...]


class Puller:
    """Pulls from the agent that `aim` names; rests while there is none."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._taker = Taker()
        self._agent = ""
        self._aimed = asyncio.Event()
        self._at: dict[OtlpSignal, tuple[str, int]] = {}
        self._dropped = ("", 0)
        self._fault = ""
        self._taken: Counter[str] = Counter()

    def aim(self, targets: Targets) -> None:
        """From now on, this is the agent."""
        self._agent = targets.agent.rstrip("/")
        if self._agent:
            self._aimed.set()
        else:
            self._aimed.clear()

    async def run(self) -> None:
        """Pulls until cancelled."""
        await self._aimed.wait()
        self._at = await asyncio.to_thread(self._checkpoints)
        async with aiohttp.ClientSession(
            cookie_jar=aiohttp.DummyCookieJar(), timeout=aiohttp.ClientTimeout(total=WAIT + 10.0)
        ) as session:
            while True:
                await self._aimed.wait()
                await asyncio.sleep(await self._once(session))

    def latest(self) -> list[Series]:
        """Every series that was sent within the last five minutes."""
        return self._taker.metrics.latest()

    def facts(self) -> dict[str, Any]:
        """How many rows came, how many payloads the agent had to drop, and what does not work."""
        return {"taken": dict(self._taken), "agent_dropped": self._dropped[1], "fault": self._fault}

    async def _once(self, session: aiohttp.ClientSession) -> float:
        """One question; returns how long to wait before the next."""
        try:
            pulled = await self._ask(session)
            await self._keep(pulled)
        except StoreError as error:
            self._say(f"what the agent has cannot be kept: {error}")
            return PAUSE
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            self._say(f"the agent at {self._agent} does not answer: {str(error) or type(error).__name__}")
            return PAUSE
        self._fault = ""
        return GATHER

    def _say(self, fault: str) -> None:
        if fault != self._fault:
            log.warning("%s", fault)
        self._fault = fault

    async def _ask(self, session: aiohttp.ClientSession) -> Pulled:
        boot, cursor = self._at.get("traces", ("", 0))
        query = {"wait": f"{WAIT:g}", **({"after": f"{boot}:{cursor}"} if boot else {})}
        async with session.get(f"{self._agent}/pull", params=query) as answer:
            if answer.status != 200:
                raise ValueError(f"status {answer.status}")
            body = bytearray()
            async for part in answer.content.iter_any():
                body += part
                if len(body) > LARGEST_ANSWER:
                    raise ValueError("its answer is too long")
        return pulled_from(orjson.loads(body))

    async def _keep(self, pulled: Pulled) -> None:
        """Writes the rows of each signal with how far they reach; what was written before is left out."""
        if not pulled.payloads:
            self._count_drops(pulled)
            return
        for signal in ORDER:
            boot, number = self._at.get(signal, ("", 0))
            new = [
                payload
                for payload in pulled.payloads
                if payload.signal == signal and (boot != pulled.boot or payload.number > number)
            ]
            if not new and signal != "traces":
                continue
            table = await asyncio.to_thread(self._table, signal, new)
            at = (pulled.boot, pulled.cursor)
            checkpoint = {KEY: f"{pulled.boot}:{pulled.cursor}"}
            await asyncio.to_thread(self._store.append, signal, table, checkpoint)
            self._at[signal] = at
            self._taken[signal] += table.num_rows
        self._count_drops(pulled)

    def _table(self, signal: OtlpSignal, payloads: list[Payload]) -> pa.Table:
        tables = []
        for payload in payloads:
            try:
                message = parse(signal, payload.body, payload.type, payload.encoding)
            except Undecodable as error:
                log.warning("a module sent what is no OTLP: %s", error)
                self._store.dropped("otlp", "undecodable", 1)
                continue
            table, refused, why = self._taker.take(signal, message)
            if refused:
                self._store.dropped("otlp", why, refused)
            tables.append(table)
        if not tables:
            return self._taker.empty(signal)
        return masked(pa.concat_tables(tables))

    def _count_drops(self, pulled: Pulled) -> None:
        boot, before = self._dropped
        new = pulled.dropped - (before if boot == pulled.boot else 0)
        if new > 0:
            log.warning("the agent had to drop %d requests: nobody fetched them in time", new)
            self._store.dropped("otlp", "not fetched in time", new)
        self._dropped = (pulled.boot, pulled.dropped)

    def _checkpoints(self) -> dict[OtlpSignal, tuple[str, int]]:
        found: dict[OtlpSignal, tuple[str, int]] = {}
        for signal in ORDER:
            boot, colon, number = self._store.checkpoints(signal).get(KEY, "").rpartition(":")
            if colon:
                found[signal] = (boot, int(number))
        return found


def pulled_from(told: Any) -> Pulled:
    """The agent's answer. Its payloads are numbered without a gap, the last one is `cursor`.

    Raises:
        ValueError: it has another shape.
    """
    try:
        cursor, listed = int(told["cursor"]), list(told["payloads"])
        payloads = (_payload(cursor - len(listed) + n, each) for n, each in enumerate(listed, 1))
        return Pulled(str(told["boot"]), cursor, int(told.get("dropped", 0)), tuple(payloads))
    except (KeyError, TypeError, AttributeError, binascii.Error) as error:
        raise ValueError(f"its answer has another shape than expected ({error!r})") from error


def _payload(number: int, told: Mapping[str, Any]) -> Payload:
    signal = told["signal"]
    if signal not in REQUESTS:
        raise ValueError(f"there is no signal {signal!r}")
    body = base64.b64decode(told["body"], validate=True)
    return Payload(number, signal, str(told["type"]), str(told.get("encoding") or ""), body)
