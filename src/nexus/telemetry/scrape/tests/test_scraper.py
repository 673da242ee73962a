import asyncio
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestServer

from nexus.telemetry.agent.allowed import Allowed
from nexus.telemetry.agent.application import application
from nexus.telemetry.agent.spool import Spool
from nexus.telemetry.scrape.scraper import Scraper
from nexus.telemetry.scrape.series import Limits
from nexus.telemetry.scrape.tests.conftest import FAST, Module, Scraping, answers, instance, points, service
from nexus.telemetry.store import Store, StoreFull
from nexus.telemetry.targets import Instance, ServiceTarget, Targets


def plain(*pairs: tuple[ServiceTarget, Instance]) -> Targets:
    services = tuple(each for each, _ in pairs)
    return Targets("s", "/", "process", services=services, instances=tuple(each for _, each in pairs))


async def test_a_module_is_scraped_and_asked_for_its_health(
    store: Store, module: Module, scraping: Scraping
) -> None:
    scraper = await scraping(plain((service(), instance(address=module.address))))
    found = points(store)
    assert found["jobs_total", "sales-1", "sales"] == 4.0
    assert found["up", "sales-1", "sales"] == 1.0
    assert found["scrape_samples", "sales-1", "sales"] == 1.0
    assert found["nexus_business_number", "sales-1", "true", "stuck", "sales"] == 3.0
    assert sorted(answers(store)) == [
        ("sales", "sales-1", "business", False, module.texts["/business"]),
        ("sales", "sales-1", "live", True, "alive"),
        ("sales", "sales-1", "ready", True, module.texts["/ready"]),
    ]
    assert scraper.helps["jobs_total"] == "Jobs done"
    assert {series.name for series in scraper.latest()} >= {"jobs_total", "up", "nexus_telemetry_series"}


async def test_a_module_that_is_down_costs_one_clear_up_of_0(store: Store, scraping: Scraping) -> None:
    scraper = await scraping(plain((service(), instance(address="127.0.0.1:1"))))
    assert points(store)["up", "sales-1", "sales"] == 0.0
    assert {(question, ok) for _, _, question, ok, _ in answers(store)} == {
        ("live", False),
        ("ready", False),
        ("business", False),
    }
    assert "sales/sales-1" in scraper.facts()["faults"]


async def test_one_that_hangs_does_not_hold_up_the_others(
    store: Store, module: Module, scraping: Scraping
) -> None:
    hanging = Module()
    hanging.texts = dict.fromkeys(hanging.texts, lambda: asyncio.sleep(60, "late"))
    await hanging.server.start_server()
    pairs = (
        (service(), instance(address=module.address)),
        (service("crm"), instance("crm", address=hanging.address)),
    )
    async with asyncio.timeout(30):
        await scraping(plain(*pairs))
    found = points(store)
    assert (found["up", "sales-1", "sales"], found["up", "crm-1", "crm"]) == (1.0, 0.0)
    assert ("crm", "crm-1", "live", False, "no answer in time") in answers(store)
    await hanging.server.close()


async def test_what_is_no_exposition_is_told(store: Store, module: Module, scraping: Scraping) -> None:
    module.texts["/metrics"] = "<html>\n<p>hello</p>"
    scraper = await scraping(plain((service(), instance(address=module.address))))
    assert points(store)["up", "sales-1", "sales"] == 0.0
    assert "<html>" in scraper.facts()["faults"]["sales/sales-1"]
    module.texts["/metrics"] = b"\xff\xfe binary \x00\n" + b"good 1\n"
    await scraper.round()
    module.statuses["/metrics"] = 500
    await asyncio.sleep(FAST.metrics)
    await scraper.round()
    assert scraper.facts()["faults"]["sales/sales-1"] == "/metrics answers 500"


async def test_a_hundred_thousand_values_are_bounded_named_and_counted(
    store: Store, module: Module, scraping: Scraping
) -> None:
    lines = "".join(f'hits_total{{user="u{n}",kind="a"}} 1\n' for n in range(100_000))
    module.texts["/metrics"] = f"healthy 1\n{lines}"
    scraper = await scraping(plain((service(), instance(address=module.address))))
    facts = scraper.facts()
    assert facts["series"] < 5_050
    (dropped,) = facts["dropped"]
    count = dropped.pop("count")
    assert dropped == {"service": "sales", "metric": "hits_total", "label": "user"}
    assert 95_000 <= count <= 95_010
    found = points(store)
    assert found["nexus_telemetry_series_dropped_total", "hits_total", "sales"] == count
    assert found["healthy", "sales-1", "sales"] == 1.0
    assert found["nexus_business_number", "sales-1", "true", "stuck", "sales"] == 3.0


async def test_more_than_the_longest_exposition_is_not_read(
    store: Store, module: Module, scraping: Scraping
) -> None:
    module.texts["/metrics"] = "good 1\n" + "x" * (9 << 20)
    scraper = await scraping(plain((service(), instance(address=module.address))))
    assert points(store)["good", "sales-1", "sales"] == 1.0
    assert "8 MiB" in scraper.facts()["faults"]["sales/sales-1"]


async def test_an_exposition_elsewhere_is_scraped_there(
    store: Store, module: Module, scraping: Scraping
) -> None:
    elsewhere = service(metrics=f":{module.server.port}/metrics", live="", ready="", business="")
    await scraping(plain((elsewhere, instance(address="127.0.0.1:1"))))
    assert points(store)["jobs_total", "sales-1", "sales"] == 4.0


async def test_the_status_page_of_nginx_is_understood(
    store: Store, module: Module, scraping: Scraping
) -> None:
    module.texts["/metrics"] = (
        "Active connections: 291 \nserver accepts handled requests\n 16630948 16630946 31070465 \n"
        "Reading: 6 Writing: 179 Waiting: 106 \n"
    )
    await scraping(plain((service("edge", "nginx"), instance("edge", address=module.address))))
    found = points(store)
    assert found["nginx_connections_active", "edge-1", "edge"] == 291.0
    assert found["nginx_http_requests_total", "edge-1", "edge"] == 31070465.0


async def test_our_own_process_is_measured_with_its_children(
    store: Store, module: Module, scraping: Scraping
) -> None:
    child = await asyncio.create_subprocess_exec("sleep", "60")
    module.texts["/metrics"] = "process_cpu_seconds_total 1e9\nprocess_max_fds 7\n"
    mine = instance(address=module.address, pid=os.getpid())
    await scraping(plain((service(), mine)))
    child.kill()
    await child.wait()
    found = points(store)
    assert 0.0 < found["process_cpu_seconds_total", "sales-1", "sales"] < 1e9
    assert found["process_max_fds", "sales-1", "sales"] == 7.0
    assert found["process_count", "sales-1", "sales"] >= 2.0
    assert found["process_resident_memory_bytes", "sales-1", "sales"] > 10 << 20
    assert found["process_open_fds", "sales-1", "sales"] > 3
    assert found["process_restarts_total", "sales-1", "sales"] == 2.0


async def test_through_the_agent_it_is_the_same(
    store: Store, module: Module, scraping: Scraping, tmp_path: Path
) -> None:
    told = service("localhost")
    target = {
        "service": "localhost",
        "port": module.server.port,
        **{name: getattr(told, name) for name in ("metrics", "live", "ready", "business")},
    }
    file = tmp_path / "targets.json"
    file.write_text(json.dumps({"targets": [target]}))
    agent = TestServer(application(Spool(), Allowed(file)))
    await agent.start_server()
    there = service("localhost", port=module.server.port)
    targets = Targets("s", "/", "compose", agent=str(agent.make_url("")), services=(there,))
    await scraping(targets)
    found = points(store)
    assert found["jobs_total", "sales-7", "localhost"] == 4.0
    assert found["up", "sales-7", "localhost"] == 1.0
    assert found["nexus_business_number", "sales-7", "true", "stuck", "localhost"] == 3.0
    assert ("localhost", "sales-7", "live", True, "alive") in answers(store)
    await agent.close()


async def test_an_instance_that_does_not_name_itself_is_named_by_the_engine(
    store: Store, module: Module, scraping: Scraping, tmp_path: Path
) -> None:
    module.texts["/ready"] = "fine"
    module.statuses["/ready"] = 204
    file = tmp_path / "targets.json"
    told = service("localhost", port=module.server.port, live="", business="")
    target = {"service": "localhost", "port": told.port, "metrics": "/metrics", "ready": "/ready"}
    file.write_text(json.dumps({"targets": [target]}))
    agent = TestServer(application(Spool(), Allowed(file)))
    await agent.start_server()
    known = (instance("localhost"),)
    await scraping(Targets("s", "/", "compose", str(agent.make_url("")), (told,), known))
    assert points(store)["up", "localhost-1", "localhost"] == 1.0
    assert [answer[1:4] for answer in answers(store)] == [("localhost-1", "ready", True)]
    await agent.close()


async def test_an_instance_that_no_name_leads_to_is_down(
    store: Store, module: Module, scraping: Scraping, tmp_path: Path
) -> None:
    file = tmp_path / "targets.json"
    gone = service("gone.invalid", live="", business="")
    target = {"service": gone.name, "port": gone.port, "metrics": "/metrics", "ready": "/ready"}
    file.write_text(json.dumps({"targets": [target]}))
    agent = TestServer(application(Spool(), Allowed(file)))
    await agent.start_server()
    known = (instance("gone.invalid"),)
    scraper = await scraping(Targets("s", "/", "compose", str(agent.make_url("")), (gone,), known))
    assert points(store)["up", "gone.invalid-1", "gone.invalid"] == 0.0
    assert [answer[1:4] for answer in answers(store)] == [("gone.invalid-1", "ready", False)]
    assert "not to be found" in scraper.facts()["faults"]["gone.invalid/gone.invalid-1"]
    await agent.close()


async def test_an_agent_that_is_away_is_told(store: Store, scraping: Scraping) -> None:
    targets = Targets("s", "/", "compose", agent="http://127.0.0.1:1", services=(service(),))
    scraper = await scraping(targets)
    assert points(store)["up", "sales"] == 0.0
    assert "does not answer" in scraper.facts()["faults"]["agent"]


async def test_business_is_asked_less_often(store: Store, module: Module, scraping: Scraping) -> None:
    pace = replace(FAST, business=60.0)
    scraper = await scraping(plain((service(), instance(address=module.address))), pace=pace)
    await asyncio.sleep(FAST.metrics)
    await scraper.round()
    assert module.asked.count("/ready") == 2
    assert module.asked.count("/business") == 1


async def test_a_full_disk_loses_a_round_and_says_so(
    module: Module, tmp_path: Path, scraping: Scraping
) -> None:
    class Full(Store):
        full = True

        def append(self, *batch: Any) -> None:
            if self.full:
                raise StoreFull("the disk is full")
            super().append(*batch)

    store = Full(tmp_path / "full")
    scraper = await scraping(plain((service(), instance(address=module.address))), store)
    assert store.facts()["drops"]["telemetry"]["disk full"] > 3
    store.full = False
    await asyncio.sleep(FAST.metrics)
    await scraper.round()
    assert points(store)["jobs_total", "sales-1", "sales"] == 4.0
    store.close()


async def test_it_runs_until_it_is_cancelled(store: Store, module: Module, scraping: Scraping) -> None:
    scraper = Scraper(store, FAST, Limits())
    running = asyncio.create_task(scraper.run())
    scraper.aim(plain((service(), instance(address=module.address))))
    async with asyncio.timeout(30):
        while scraper.facts()["rounds"] < 3:
            await asyncio.sleep(0.05)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
