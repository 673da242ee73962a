"""Synthetic probes against a real server, kept in a real store."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from multidict import CIMultiDict

from nexus.business.probes import Probes
from nexus.business.probing import Run, run_probe
from nexus.stack import Probe, ProbeStep
from nexus.telemetry.query import LogQuery, logs, trace
from nexus.telemetry.store import Store
from nexus.telemetry.targets import Instance, ServiceTarget, Targets

PASSWORD = "s3cret-of-the-probe"


class Shop:
    """A server with a login and one order; `broken` names the step that goes wrong, and how."""

    def __init__(self) -> None:
        self.broken = ""
        self.calls: list[tuple[str, str]] = []
        self.headers: list[CIMultiDict[str]] = []
        self.bodies: list[Any] = []
        self.looks = 0

    async def answer(self, request: web.Request) -> web.Response:
        name = request.path.rpartition("/")[2]
        self.calls.append((request.method, request.path))
        self.headers.append(request.headers.copy())
        self.bodies.append(await request.json() if request.can_read_body else None)
        if self.broken == f"{name} 503":
            return web.json_response({"title": "Away", "detail": "no password=hunter22"}, status=503)
        if self.broken == f"{name} slow":
            await asyncio.sleep(30)
        if self.broken == f"{name} text":
            return web.Response(text="<html>")
        if name == "login":
            return web.json_response({"access": {"token": "t0"}})
        if name == "orders":
            return web.json_response({"items": [{"id": "a/b"}]}, status=201)
        self.looks += request.method == "GET"
        return web.json_response({"state": "done" if self.looks > 2 and not self.broken else "open"})


def step(name: str, request: str, **more: Any) -> ProbeStep:
    method, _, path = request.partition(" ")
    usual: dict[str, Any] = {
        "body": None,
        "expect": (),
        "keep": {},
        "until": {},
        "within": 0.0,
        "always": False,
    }
    return ProbeStep(name, {"en": name}, method, path, **{**usual, **more})


PROBE = Probe(
    name="buy",
    process="cash",
    title={"en": "Buy"},
    every=5.0,
    timeout=2.0,
    secrets={"password": "auth/probe_password"},
    headers={"Authorization": "Bearer {token}"},
    needs=("shop",),
    steps=(
        step("log in", "POST /login", body={"password": "{password}"}, keep={"token": "access.token"}),
        step("order", "POST /orders", body={"note": "{run}"}, expect=(201,), keep={"order": "items.0.id"}),
        step("wait", "GET /orders/{order}", until={"state": "done"}, within=1.5),
        step("cancel", "POST /orders/{order}/cancel", always=True),
        step("log out", "POST /logout", always=True),
    ),
)


@asynccontextmanager
async def serving(shop: Shop) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", shop.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield "http://{}:{}".format(*runner.addresses[0])
    finally:
        await runner.cleanup()


async def once(broken: str = "", **more: Any) -> tuple[Run, Shop]:
    shop = Shop()
    shop.broken = broken
    async with serving(shop) as address:
        return await run_probe(replace(PROBE, **more), address, {"password": PASSWORD}), shop


def told(run: Run) -> tuple[str, str, str]:
    assert run.failed is not None
    return run.failed.step.name, run.failed.expected, run.failed.got


async def test_a_good_run_does_every_step_with_what_earlier_answers_held() -> None:
    run, shop = await once()
    assert run.failed is None
    assert [each.step.name for each in run.steps] == ["log in", "order", "wait", "cancel", "log out"]
    assert [shop.calls[0], shop.calls[-1]] == [("POST", "/login"), ("POST", "/logout")]
    assert shop.bodies[:2] == [{"password": PASSWORD}, {"note": f"buy-{run.id}"}]
    assert "Authorization" not in shop.headers[0]
    assert {each["Authorization"] for each in shop.headers[1:]} == {"Bearer t0"}
    assert {each["traceparent"][3:35] for each in shop.headers} == {run.trace_id}
    assert shop.headers[0]["X-Request-Id"] == f"buy-{run.id}-1"
    assert shop.looks == 3


@pytest.mark.parametrize(
    ("broken", "expected", "done"),
    [
        ("login 503", ("log in", "a status from 200 to 299", "503 no password=[masked:password]"), 1),
        ("orders 503", ("order", "201", "503 no password=[masked:password]"), 3),
        ("orders text", ("order", "201", "200 <html>"), 3),
        ("login text", ("log in", "an answer with access.token", "an answer without access.token"), 1),
        ("order slow", ("order", "201", "no answer within 0.4 s"), 2),
        ("never", ("wait", "state = done within 1.5 s", "state = open"), 5),
    ],
)  # fmt: skip
async def test_a_step_that_goes_wrong_says_what_was_expected_and_what_came(
    broken: str, expected: tuple[str, str, str], done: int
) -> None:
    slow = broken == "order slow"
    run, _ = await once("orders slow" if slow else broken, **({"timeout": 0.4} if slow else {}))
    assert told(run) == expected
    assert len(run.steps) == done + slow


async def test_what_must_be_undone_is_undone_after_a_failure_and_when_the_run_is_cut_off() -> None:
    shop = Shop()
    shop.broken = "never"
    async with serving(shop) as address:
        running = asyncio.create_task(run_probe(PROBE, address, {"password": PASSWORD}))
        while not shop.looks:
            await asyncio.sleep(0.01)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    assert shop.calls[-2:] == [("POST", "/orders/a/b/cancel"), ("POST", "/logout")]


async def test_nobody_at_the_address_is_a_failure_too() -> None:
    run = await run_probe(PROBE, "http://127.0.0.1:9", {"password": PASSWORD})
    assert told(run)[:2] == ("log in", "a status from 200 to 299")
    assert told(run)[2].startswith("no answer: ")


def targets(address: str, secret: Path, off: list[str] = [], state: str = "ready") -> Targets:  # noqa: B006
    def service(name: str, kind: str) -> ServiceTarget:
        where = address.removeprefix("http://")
        return ServiceTarget(name, kind, "python", 1, where, "", "", "", "")

    def instance(name: str) -> Instance:
        return Instance(name, f"{name}-1", "r", "", 1, "", "", state, 0.0, 0)

    entry = {"probe": PROBE.as_dict(), "secret_files": {"password": str(secret)}, "off": off}
    return Targets(
        stack="shop",
        root="/",
        runtime="process",
        services=(service("nginx", "edge"), service("shop", "module")),
        instances=(instance("nginx"), instance("shop")),
        probes={"buy": entry},
    )


@asynccontextmanager
async def probing(tmp_path: Path, shop: Shop) -> AsyncIterator[tuple[Probes, Store, str, Path]]:
    secret = tmp_path / "password"
    secret.write_text(PASSWORD + "\n")
    store = Store(tmp_path / "telemetry")
    probes = Probes(store)
    running = asyncio.create_task(probes.run())
    try:
        async with serving(shop) as address:
            yield probes, store, address, secret
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        store.close()


async def first_run(probes: Probes) -> dict[str, Any]:
    async with asyncio.timeout(10):
        while True:
            fact = probes.facts()["buy"]
            if "last" in fact and probes._running == set():
                return dict(fact)
            await asyncio.sleep(0.02)


async def test_a_failed_run_is_counted_traced_and_told_in_one_line_without_the_secret(tmp_path: Path) -> None:
    shop = Shop()
    shop.broken = "orders 503"
    async with probing(tmp_path, shop) as (probes, store, address, secret):
        probes.aim(targets(address, secret))
        fact = await first_run(probes)
        assert (fact["runs"], fact["failures"], fact["last"]["step"]) == (1, 1, "order")
        values = {(point.name, *json.loads(point.labels).values()): point.value for point in probes.latest()}
        assert values["nexus_probe_runs_total", "failed", "buy", "cash"] == 1
        assert values["nexus_probe_runs_total", "good", "buy", "cash"] == 0
        assert values["nexus_probe_good_total", "buy", "cash", "log in"] == 1
        assert values["nexus_probe_good_total", "buy", "cash", "order"] == 0
        assert values["nexus_probe_events_total", "buy", "cash", "order"] == 1
        assert ("nexus_probe_events_total", "buy", "cash", "wait") not in values
        page = await asyncio.to_thread(logs, store, LogQuery(services=("probe",)))
        (line,) = page.rows
        assert line["body"].startswith("buy: order: expected 201, got 503 no password")
        assert line["trace_id"] == fact["last"]["trace_id"]
        spans = await asyncio.to_thread(trace, store, line["trace_id"])
        assert {span["name"] for span in spans} >= {"probe buy", "log in", "order"}
        assert PASSWORD not in str(page.rows) + str(spans)


async def test_the_counters_of_a_probe_go_on_after_a_restart(tmp_path: Path) -> None:
    for runs in (1, 2):
        async with probing(tmp_path, Shop()) as (probes, _, address, secret):
            probes.aim(targets(address, secret))
            assert (await first_run(probes))["last"]["ok"]
            assert {p.value for p in probes.latest() if p.kind == "counter"} == {0, runs}


async def test_a_probe_whose_services_are_off_is_skipped_and_told_and_runs_when_they_are_on(
    tmp_path: Path,
) -> None:
    shop = Shop()
    async with probing(tmp_path, shop) as (probes, _, address, secret):
        probes.aim(targets(address, secret, off=["inventory"]))
        await asyncio.sleep(0.1)
        assert probes.facts()["buy"]["skipped"] == "inventory is off"
        assert shop.calls == []
        probes.aim(targets(address, secret))
        assert (await first_run(probes))["last"]["ok"]


async def test_a_stack_that_is_coming_up_is_not_probed_and_one_that_went_down_is(tmp_path: Path) -> None:
    shop = Shop()
    async with probing(tmp_path, shop) as (probes, _, address, secret):
        probes.aim(targets(address, secret, state="starting"))
        await asyncio.sleep(0.1)
        assert shop.calls == []
        probes.aim(targets(address, secret))
        assert (await first_run(probes))["runs"] == 1
        probes.aim(targets(address, secret, state="down"))
        probes._watched["buy"].due = 0.0
        probes._changed.set()
        async with asyncio.timeout(10):
            while probes.facts()["buy"]["runs"] < 2:
                await asyncio.sleep(0.02)
