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
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
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

KEY, DROPS = "otlp-agent", "otlp-agent-dropped"
WAIT = 20.0  # seconds that the agent keeps a question open while there is nothing
GATHER = 0.5  # seconds between two answers, so that many small ones become few
PAUSE = 5.0  # seconds after a failure
LARGEST_ANSWER = 64 << 20
UNREADABLE = "undecodable"
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


@dataclass
class Decoded:
    """Rows of a signal on their way into the store, how far they reach, what was refused of them; of traces
    also how many requests the agent had to drop, by its boot.
    """

    reach: tuple[str, int]
    table: pa.Table
    refused: Counter[str] = field(default_factory=Counter)
    checkpoints: dict[str, str] = field(default_factory=dict)
    dropped: tuple[str, int] | None = None


class Puller:
    """Pulls from the agent that `aim` names; rests while there is none."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._taker = Taker()
        self._agent = ""
        self._headers: Callable[[], dict[str, str]] = dict
        self._aimed = asyncio.Event()
        self._at: dict[OtlpSignal, tuple[str, int]] = {}
        self._decoded: dict[OtlpSignal, Decoded] = {}
        self._dropped = ("", 0)
        self._fault = ""
        self._taken: Counter[str] = Counter()
        self._refused: Counter[str] = Counter()

    def aim(self, targets: Targets) -> None:
        """From now on, this is the agent."""
        self._agent, self._headers = targets.agent.rstrip("/"), targets.agent_headers
        if self._agent:
            self._aimed.set()
        else:
            self._aimed.clear()

    async def run(self) -> None:
        """Pulls until cancelled."""
        await self._aimed.wait()
        self._at, self._dropped = await asyncio.to_thread(self._checkpoints)
        self._decoded = {
            signal: each for signal, each in self._decoded.items() if self._at.get(signal) != each.reach
        }
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
        """How many rows came and were refused, how many payloads the agent had to drop since its start, what
        does not work, and what there is of series.
        """
        return {
            "taken": dict(self._taken),
            "refused": dict(self._refused),
            "agent_dropped": self._dropped[1],
            "fault": self._fault,
            **self._taker.metrics.registry.facts(),
        }

    async def _once(self, session: aiohttp.ClientSession) -> float:
        """One question; returns how long to wait before the next."""
        try:
            if self._decoded:
                await self._write()
                self._fault = ""
            pulled = await self._ask(session)
            await self._decode(pulled)
            await self._write()
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
        async with session.get(f"{self._agent}/pull", params=query, headers=self._headers()) as answer:
            if answer.status != 200:
                raise ValueError(f"status {answer.status}")
            body = bytearray()
            async for part in answer.content.iter_any():
                body += part
                if len(body) > LARGEST_ANSWER:
                    raise ValueError("its answer is too long")
        return pulled_from(orjson.loads(body))

    async def _decode(self, pulled: Pulled) -> None:
        """Makes rows of what was not written before."""
        dropped = (pulled.boot, pulled.dropped)
        if not pulled.payloads:
            if pulled.dropped and self._dropped != dropped:
                at = self._at.get("traces", ("", 0))
                told = Decoded(at, self._taker.empty("traces"), dropped=dropped)
                told.checkpoints[DROPS] = _text(dropped)
                self._decoded["traces"] = told
            return
        reach = (pulled.boot, pulled.cursor)
        for signal in ORDER:
            boot, number = self._at.get(signal, ("", 0))
            new = [
                payload
                for payload in pulled.payloads
                if payload.signal == signal and (boot != pulled.boot or payload.number > number)
            ]
            if new or signal == "traces":
                told = Decoded(reach, *await asyncio.to_thread(self._table, signal, new))
                told.checkpoints[KEY] = _text(reach)
                if signal == "traces":
                    told.checkpoints[DROPS], told.dropped = _text(dropped), dropped
                self._decoded[signal] = told

    async def _write(self) -> None:
        """Writes what was decoded; what the store refuses stays as it is for the next time, because series
        that were seen once tell no second time what they told.
        """
        for signal in ORDER:
            if (told := self._decoded.get(signal)) is None:
                continue
            await asyncio.to_thread(self._store.append, signal, told.table, told.checkpoints)
            del self._decoded[signal]
            self._at[signal] = told.reach
            self._taken[signal] += told.table.num_rows
            self._refused[signal] += told.refused.total()
            for why, count in told.refused.items():
                self._store.dropped("otlp", why, count)
            if told.dropped is not None:
                self._count_drops(*told.dropped)

    def _table(self, signal: OtlpSignal, payloads: list[Payload]) -> tuple[pa.Table, Counter[str]]:
        tables = [self._taker.empty(signal)]
        refused: Counter[str] = Counter()
        for payload in payloads:
            try:
                message = parse(signal, payload.body, payload.type, payload.encoding)
            except Undecodable as error:
                log.warning("a module sent what is no OTLP: %s", error)
                refused[UNREADABLE] += 1
                continue
            table, more, _ = self._taker.take(signal, message)
            refused += more
            tables.append(table)
        return masked(pa.concat_tables(tables)), refused

    def _count_drops(self, boot: str, dropped: int) -> None:
        before = self._dropped[1] if self._dropped[0] == boot else 0
        if dropped > before:
            log.warning("the agent had to drop %d requests: nobody fetched them in time", dropped - before)
            self._store.dropped("otlp", "not fetched in time", dropped - before)
        self._dropped = (boot, dropped)

    def _checkpoints(self) -> tuple[dict[OtlpSignal, tuple[str, int]], tuple[str, int]]:
        """How far each signal came, and how many drops of which boot are counted."""
        marks = {signal: self._store.checkpoints(signal) for signal in ORDER}
        reached = {signal: _mark(kept[KEY]) for signal, kept in marks.items() if KEY in kept}
        return reached, _mark(marks["traces"].get(DROPS, ":0"))


def _text(mark: tuple[str, int]) -> str:
    return f"{mark[0]}:{mark[1]}"


def _mark(text: str) -> tuple[str, int]:
    boot, _, number = text.rpartition(":")
    return boot, int(number)


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
