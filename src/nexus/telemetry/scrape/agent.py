"""Metrics and health of containers, asked by the agent inside their network."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import aiohttp
import orjson

from nexus.telemetry.scrape.health import Answer, Question
from nexus.telemetry.scrape.source import Pace, sentence
from nexus.telemetry.scrape.web import NO_ANSWER, Desk
from nexus.telemetry.targets import ServiceTarget, Targets

LONGEST_ANSWER = 64 << 20
PATIENCE = 8.0  # seconds; the agent itself gives each instance two
ABSENT = "not to be found in the containers' network"
QUESTIONS: tuple[Question, ...] = ("live", "ready", "business")


class AgentSource:
    """One request a round; the agent finds the instances of each service by DNS."""

    def __init__(self, desk: Desk, pace: Pace) -> None:
        self.every = pace.metrics
        self.fault = ""
        self._desk = desk
        self._pace = pace
        self._session: aiohttp.ClientSession | None = None
        self._asked_business = float("-inf")

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def collect(self, targets: Targets, at: float) -> None:
        asked = [service for service in targets.services if _speaks_http(service)]
        if not targets.agent or not asked:
            return
        began = time.perf_counter()
        try:
            async with asyncio.timeout(PATIENCE):
                answers = await self._post(targets, self._question(asked))
        except (*NO_ANSWER, orjson.JSONDecodeError) as error:
            self.fault = f"the agent at {targets.agent} does not answer: {sentence(error)}"
            for service in asked:
                if service.metrics:
                    await self._desk.metrics(service.name, "", None, 0.0, self.fault, at, False)
            return
        self.fault = ""
        seconds = time.perf_counter() - began
        metrics = {service.name for service in asked if service.metrics}
        found = [await self._take(targets, answer, metrics, seconds, at) for answer in answers]
        for service in asked:
            for instance in _missing(
                targets, service.name, {name for of, name in found if of == service.name}
            ):
                await self._absent(service, instance, at)

    async def _absent(self, service: ServiceTarget, instance: str, at: float) -> None:
        """An instance that runs, as far as the engine knows, and that no name leads to."""
        absent = Answer(False, 0.0, 0, ABSENT)
        if service.live:
            self._desk.health(service.name, instance, "live", absent, at)
        if service.ready:
            self._desk.health(service.name, instance, "ready", absent, at)
        if service.metrics:
            await self._desk.metrics(service.name, instance, None, 0.0, ABSENT, at, False)

    def _question(self, asked: list[ServiceTarget]) -> bytes:
        now = time.monotonic()
        business = now - self._asked_business >= self._pace.business - self.every / 2
        if business:
            self._asked_business = now
        told = [
            {
                "service": service.name,
                "port": service.port,
                "metrics": service.metrics,
                "live": service.live,
                "ready": service.ready,
                "business": service.business if business else "",
            }
            for service in asked
        ]
        return orjson.dumps({"targets": told})

    async def _post(self, targets: Targets, question: bytes) -> list[Mapping[str, Any]]:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                cookie_jar=aiohttp.DummyCookieJar(), headers={"Content-Type": "application/json"}
            )
        url, headers = f"{targets.agent.rstrip('/')}/scrape", targets.agent_headers()
        async with self._session.post(url, data=question, headers=headers) as answer:
            if answer.status != 200:
                raise ValueError(f"status {answer.status}")
            body = bytearray()
            async for part in answer.content.iter_any():
                body += part
                if len(body) > LONGEST_ANSWER:
                    raise ValueError("its answer is too long")
        told = orjson.loads(body)
        if not isinstance(told, list):
            raise ValueError("its answer is no list")
        return [each for each in told if isinstance(each, dict) and isinstance(each.get("service"), str)]

    async def _take(
        self, targets: Targets, told: Mapping[str, Any], metrics: set[str], seconds: float, at: float
    ) -> tuple[str, str]:
        """Takes one instance's answers in; returns its service and name."""
        service, address = told["service"], str(told.get("address") or "")
        instance = str(told.get("instance") or "")
        if instance in ("", address, address.rpartition(":")[0]):  # it does not say who it is
            instance = _only(targets, service) or address
        for question in QUESTIONS:
            answer = told.get(question)
            if isinstance(answer, dict):
                self._desk.health(service, instance, question, _answer(answer), at)
        if service in metrics:
            text = told.get("metrics")
            fault = "" if isinstance(text, str) else str(told.get("metrics_error") or "no answer")
            took = float(told.get("metrics_ms") or 1000 * seconds) / 1000
            await self._desk.metrics(
                service, instance, text if isinstance(text, str) else None, took, fault, at, False
            )
        return service, instance


def _speaks_http(service: ServiceTarget) -> bool:
    return bool(service.port and (service.metrics or service.live or service.ready or service.business))


def _missing(targets: Targets, service: str, found: set[str]) -> list[str]:
    """The known instances that were not found; none when those that were found have other names."""
    known = [instance.id for instance in targets.instances if instance.service == service]
    return [name for name in known if name not in found] if found <= set(known) else []


def _only(targets: Targets, service: str) -> str:
    """The instance's name when there is but one."""
    known = [instance.id for instance in targets.instances if instance.service == service]
    return known[0] if len(known) == 1 else ""


def _answer(told: Mapping[str, Any]) -> Answer:
    detail, status = told.get("detail", ""), int(told.get("status") or 0)
    text = detail if isinstance(detail, str) else orjson.dumps(detail).decode()
    return Answer(200 <= status < 300, float(told.get("ms") or 0.0), status, text or f"status {status}")
