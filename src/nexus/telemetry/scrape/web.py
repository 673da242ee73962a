"""Metrics and health of services that answer HTTP where we can reach them."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import replace

import aiohttp

from nexus.telemetry.scrape import nginx
from nexus.telemetry.scrape.exposition import read
from nexus.telemetry.scrape.health import Answer, History, Question, business_numbers, says_no
from nexus.telemetry.scrape.processes import NAMES as PROCESS_NAMES
from nexus.telemetry.scrape.sample import Sample
from nexus.telemetry.scrape.series import Registry
from nexus.telemetry.scrape.source import Pace, sentence
from nexus.telemetry.targets import Instance, ServiceTarget, Targets

LONGEST_EXPOSITION = 8 << 20
LONGEST_ANSWER = 16 << 10
KEEP_CONNECTION = 4.0  # seconds; servers commonly close at 5
ACCEPT = "text/plain;version=0.0.4;q=1,application/openmetrics-text;version=1.0.0;q=0.5,*/*;q=0.1"
NO_ANSWER = (aiohttp.ClientError, OSError, TimeoutError, ValueError, UnicodeError)


class Desk:
    """Where what was scraped is taken in, whichever way it came."""

    def __init__(self, registry: Registry, history: History) -> None:
        self._registry = registry
        self._history = history
        self.faults: dict[tuple[str, str], str] = {}

    async def metrics(
        self,
        service: str,
        instance: str,
        text: str | None,
        seconds: float,
        fault: str,
        at: float,
        measured: bool,
    ) -> None:
        """An exposition, or None and why there is none. `measured`: its process is measured by us."""
        target = self._registry.target(service, instance)
        samples, up = 0, text is not None
        if text is not None and text.startswith(nginx.STATUS):
            status = nginx.stub_status(text)
            target.observe(status, at)
            samples = len(status)
        elif text is not None:
            reading = await read(self._registry, target, text, at, PROCESS_NAMES if measured else frozenset())
            samples = reading.samples
            if reading.malformed:
                up = samples > 0
                fault = f"{reading.malformed} lines are no samples, the first: {reading.fault}"
        self._tell(service, instance, fault)
        target.observe(
            (
                Sample("up", {}, float(up)),
                Sample("scrape_duration_seconds", {}, seconds),
                Sample("scrape_samples", {}, float(samples)),
            ),
            at,
        )

    def health(self, service: str, instance: str, question: Question, answer: Answer, at: float) -> None:
        """One answer; the numbers of a business become metrics."""
        if question == "business":
            self._registry.target(service, instance).observe(business_numbers(answer), at)
            answer = replace(answer, ok=answer.ok and not says_no(answer))
        self._history.note(service, instance, question, answer, at)

    def expire(self) -> None:
        """Forgets what was wrong with those that are gone."""
        self.faults = {key: fault for key, fault in self.faults.items() if key in self._registry.targets}

    def _tell(self, service: str, instance: str, fault: str) -> None:
        if fault:
            self.faults[service, instance] = fault
        else:
            self.faults.pop((service, instance), None)


class WebSource:
    """Asks each instance itself: on plain processes."""

    def __init__(self, desk: Desk, pace: Pace) -> None:
        self.every = pace.metrics
        self._desk = desk
        self._pace = pace
        self._session: aiohttp.ClientSession | None = None
        self._asked_business = float("-inf")

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def collect(self, targets: Targets, at: float) -> None:
        if targets.agent:
            return
        services = {service.name: service for service in targets.services}
        now = time.monotonic()
        business = now - self._asked_business >= self._pace.business - self.every / 2
        if business:
            self._asked_business = now
        asked = [
            self._instance(services[instance.service], instance, at, business)
            for instance in targets.instances
            if instance.address and instance.service in services
        ]
        await asyncio.gather(*asked)

    async def _instance(self, service: ServiceTarget, instance: Instance, at: float, business: bool) -> None:
        await asyncio.sleep(random.uniform(0.0, self._pace.jitter))
        questions: dict[Question, str] = {"live": service.live, "ready": service.ready}
        if business:
            questions["business"] = service.business
        await asyncio.gather(
            self._health(instance, {name: path for name, path in questions.items() if path}, at),
            *([self._metrics(service, instance, at)] if service.metrics else []),
        )

    async def _health(self, instance: Instance, questions: dict[Question, str], at: float) -> None:
        paths = dict.fromkeys(questions.values())
        answers = dict(
            zip(paths, await asyncio.gather(*(self._ask(instance, path) for path in paths)), strict=True)
        )
        for question, path in questions.items():
            self._desk.health(instance.service, instance.id, question, answers[path], at)

    async def _ask(self, instance: Instance, path: str) -> Answer:
        began = time.perf_counter()
        try:
            async with asyncio.timeout(self._pace.timeout):
                status, text, _ = await self._get(address(instance, path), LONGEST_ANSWER)
        except NO_ANSWER as error:
            return Answer(False, _ms(began), 0, sentence(error))
        return Answer(200 <= status < 300, _ms(began), status, text or f"status {status}")

    async def _metrics(self, service: ServiceTarget, instance: Instance, at: float) -> None:
        began, text, fault = time.perf_counter(), None, ""
        try:
            async with asyncio.timeout(self._pace.timeout):
                status, text, whole = await self._get(address(instance, service.metrics), LONGEST_EXPOSITION)
            if status != 200:
                text, fault = None, f"{service.metrics} answers {status}"
            elif not whole:
                fault = f"longer than {LONGEST_EXPOSITION >> 20} MiB: the rest is not read"
        except NO_ANSWER as error:
            fault = sentence(error)
        await self._desk.metrics(
            instance.service, instance.id, text, _ms(began) / 1000, fault, at, instance.pid > 0
        )

    async def _get(self, url: str, limit: int) -> tuple[int, str, bool]:
        """Status, text up to `limit` bytes (whole lines), and whether that was all."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_CONNECTION),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": "nexus-telemetry", "Accept": ACCEPT, "Accept-Encoding": "identity"},
            )
        async with self._session.get(url, allow_redirects=False) as answer:
            parts, size = [], 0
            async for part in answer.content.iter_any():
                parts.append(part)
                size += len(part)
                if size > limit:
                    answer.close()
                    body = b"".join(parts)[:limit]
                    return answer.status, body[: body.rfind(b"\n") + 1].decode("utf-8", "replace"), False
            return answer.status, b"".join(parts).decode("utf-8", "replace"), True


def address(instance: Instance, path: str) -> str:
    """Where to ask: a whole address, `:port/path` on the instance's host, or a path on its own port."""
    if path.startswith(("http://", "https://")):
        return path
    if path.startswith(":"):
        return f"http://{instance.address.rpartition(':')[0]}{path}"
    return f"http://{instance.address}{path}"


def _ms(began: float) -> float:
    return (time.perf_counter() - began) * 1000
