"""Does what a probe says, as a user would, and cleans up after it whatever happened."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Mapping
from typing import Any

import aiohttp

from nexus.business.probing.asking import Answer, answer_text, ask
from nexus.business.probing.identity import new_trace_id
from nexus.business.probing.outcome import Run, StepOutcome
from nexus.business.probing.variables import MissingError, fill, fill_path, pick
from nexus.stack import Probe, ProbeStep
from nexus.stack.probe import RUN, variables

FIRST_PAUSE = 0.1  # seconds before a question is asked again; doubled up to the longest
LONGEST_PAUSE = 1.0
AGENT = "nexus-probe"


async def run_probe(probe: Probe, address: str, known: Mapping[str, str]) -> Run:
    """Runs it once against `address` (`http://host:port`); `known` are its secrets. Outlives every answer."""
    return await _Runner(probe, address, known).run()


class _Runner:
    def __init__(self, probe: Probe, address: str, known: Mapping[str, str]) -> None:
        self.probe = probe
        self.address = address
        self.id = secrets.token_hex(6)
        self.trace_id, self.span_id = new_trace_id(), secrets.token_hex(8)
        self.known: dict[str, Any] = {**known, RUN: f"{probe.name}-{self.id}"}
        self.outcomes: list[StepOutcome] = []

    async def run(self) -> Run:
        began, clock = time.time(), time.perf_counter()
        async with aiohttp.ClientSession(
            cookie_jar=aiohttp.DummyCookieJar(), headers={"User-Agent": AGENT}
        ) as self.session:
            try:
                await self._until_one_fails([step for step in self.probe.steps if not step.always])
            finally:
                for step in self.probe.steps:
                    if step.always and self._can(step):
                        await self._until_one_fails([step])
        seconds = time.perf_counter() - clock
        return Run(self.probe, self.id, self.trace_id, self.span_id, began, seconds, tuple(self.outcomes))

    def _can(self, step: ProbeStep) -> bool:
        """Whether all that a step done in any case would send is known."""
        return (step.variables | set(variables(self.probe.headers))) <= self.known.keys()

    async def _until_one_fails(self, steps: list[ProbeStep]) -> None:
        deadline = asyncio.get_running_loop().time() + self.probe.timeout
        for step in steps:
            outcome = await self._do(step, deadline)
            self.outcomes.append(outcome)
            if not outcome.good:
                return

    async def _do(self, step: ProbeStep, deadline: float) -> StepOutcome:
        span_id, began, clock = secrets.token_hex(8), time.time(), time.perf_counter()
        path = fill_path(step.path, self.known)
        request_id = f"{self.known[RUN]}-{len(self.outcomes) + 1}"
        headers = {
            **self._headers(),
            "traceparent": f"00-{self.trace_id}-{span_id}-01",
            "X-Request-Id": request_id,
        }
        answer = Answer(0, why=f"no answer within {self.probe.timeout:g} s")
        try:
            async with asyncio.timeout_at(deadline):
                answer, expected, got = await self._judged(step, path, headers)
        except TimeoutError:
            expected, got = _status_text(step), answer.why
        seconds = time.perf_counter() - clock
        return StepOutcome(step, path, span_id, request_id, began, seconds, answer.status, expected, got)

    def _headers(self) -> dict[str, str]:
        return {
            name: str(fill(text, self.known))
            for name, text in self.probe.headers.items()
            if set(variables(text)) <= self.known.keys()
        }

    async def _judged(
        self, step: ProbeStep, path: str, headers: Mapping[str, str]
    ) -> tuple[Answer, str, str]:
        """The last answer, and what was expected and came instead ("" when it is what was expected)."""
        body = fill(step.body, self.known)
        loop = asyncio.get_running_loop()
        last, pause = loop.time() + step.within, FIRST_PAUSE
        while True:
            answer = await ask(self.session, step.method, self.address + path, body, headers)
            expected, got = self._wrong(step, answer)
            if not expected or not step.until or loop.time() + pause > last:
                return answer, expected, got
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def _wrong(self, step: ProbeStep, answer: Answer) -> tuple[str, str]:
        if not (answer.status in step.expect if step.expect else 200 <= answer.status < 300):
            return _status_text(step), answer_text(answer)
        try:
            seen = {path: pick(answer.content, path) for path in step.until}
            kept = {name: pick(answer.content, path) for name, path in step.keep.items()}
        except MissingError as missing:
            return _until_text(step) or f"an answer with {', '.join(step.keep.values())}", str(missing)
        if any(seen[path] != value for path, value in step.until.items()):
            return _until_text(step), _values_text(seen)
        self.known.update(kept)
        return "", ""


def _status_text(step: ProbeStep) -> str:
    return " or ".join(map(str, step.expect)) if step.expect else "a status from 200 to 299"


def _until_text(step: ProbeStep) -> str:
    return f"{_values_text(step.until)} within {step.within:g} s" if step.until else ""


def _values_text(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{path} = {value}" for path, value in values.items())
