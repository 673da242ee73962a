import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web

from nexus.render import HaproxyFacts, Server, VerifyKey, haproxy_config
from nexus.render.tests.proxies import (
    Proxy,
    Signer,
    bearer,
    echo,
    eventually,
    free_port,
    haproxy,
    open_folder,
    upstream,
)
from nexus.stack import Stack, load_stack
from nexus.traffic import HaproxyRuntime, Refused, ServerBusy, UnknownServer, Unreachable


@dataclass
class Traffic:
    """A running HAProxy whose service `shop` has no instance at first."""

    runtime: HaproxyRuntime
    proxy: Proxy
    stack: Stack
    facts: HaproxyFacts
    folder: Path
    signer: Signer
    http: aiohttp.ClientSession

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.facts.ports['shop']}"

    async def wait(self, id: str, wanted: str, within: float = 10.0) -> None:
        """Wait until HAProxy says this state of an instance of shop."""

        async def state() -> str:
            return next(server.state for server in await self.runtime.servers("shop") if server.id == id)

        async with asyncio.timeout(within):
            while await state() != wanted:
                await asyncio.sleep(0.02)


@pytest_asyncio.fixture
async def traffic(tmp_path: Path) -> AsyncIterator[Traffic]:
    (tmp_path / "nexus.yaml").write_text("name: shop\n")
    for name, text in {
        "shop": "name: shop\nruntime: python\nport: 9001\nroutes: [/api/shop]\njwks: /keys.json\n",
        "gate": "name: gate\nkind: gateway\nruntime: haproxy\nport: 9000\n",
    }.items():
        (tmp_path / "modules" / name).mkdir(parents=True)
        (tmp_path / "modules" / name / "module.yaml").write_text(text)
    stack = load_stack(tmp_path)
    with open_folder() as folder:
        facts = HaproxyFacts("127.0.0.1", {"shop": free_port(), "gate": free_port()}, folder / "h.sock")
        async with (
            haproxy(folder, haproxy_config(stack, facts), facts.ports["shop"]) as proxy,
            aiohttp.ClientSession() as http,
        ):
            runtime = HaproxyRuntime(facts.stats_socket)
            await runtime.wait_reachable()
            yield Traffic(runtime, proxy, stack, facts, folder, Signer(folder, "key-1"), http)


class Load:
    """Clients that ask without pause and count what they got."""

    def __init__(self, url: str, clients: int = 8, headers: dict[str, str] | None = None) -> None:
        self.url, self.clients, self.headers = url, clients, headers or {}
        self.answers: Counter[str] = Counter()
        self.failures: list[str] = []

    async def __aenter__(self) -> "Load":
        self._stop = False
        self._tasks = [
            asyncio.create_task(self._ask(method)) for method in ("GET", "POST") * (self.clients // 2)
        ]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stop = True
        await asyncio.gather(*self._tasks)

    async def _ask(self, method: str) -> None:
        async with aiohttp.ClientSession(headers=self.headers) as http:
            while not self._stop:
                try:
                    async with http.request(method, self.url) as answer:
                        await answer.read()
                        if answer.status != 200:
                            self.failures.append(f"{method} {answer.status}")
                        self.answers[answer.headers.get("X-Served-By", "nobody")] += 1
                except aiohttp.ClientError as error:
                    self.failures.append(f"{method} {error!r}")

    async def served(self, name: str, more: int = 50) -> None:
        wanted = self.answers[name] + more
        await eventually(lambda: self.answers[name] >= wanted, 10)


async def test_instances_come_drain_and_go_under_load_without_a_failed_request(traffic: Traffic) -> None:
    runtime = traffic.runtime
    async with upstream("one") as one, upstream("two") as two:
        await runtime.add_server("shop", "shop-1", "127.0.0.1", one.port)
        async with Load(f"{traffic.url}/x") as load:
            await load.served("one")
            await runtime.add_server("shop", "shop-2", "127.0.0.1", two.port)
            await load.served("two")
            await runtime.drain("shop", "shop-1")
            await runtime.drained("shop", "shop-1", 5)
            await runtime.remove_server("shop", "shop-1")
            await one.stop()
            before = load.answers["one"]
            await load.served("two", 200)
            assert load.answers["one"] == before
        assert load.failures == []
        assert [server.id for server in await runtime.servers("shop")] == ["shop-2"]


async def test_a_reload_with_a_new_key_keeps_the_instances_and_fails_no_request(traffic: Traffic) -> None:
    async with upstream("one") as one:
        await traffic.runtime.add_server("shop", "shop-1", "127.0.0.1", one.port)
        gate = f"http://127.0.0.1:{traffic.facts.ports['gate']}"
        token = bearer(traffic.signer.token())
        async with traffic.http.get(f"{gate}/api/shop/x", headers=token) as answer:
            assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
            assert (await answer.json(content_type=None))["type"] == "urn:nexus:problem:no-verification-keys"
        async with traffic.http.get(f"{gate}/health/ready") as answer:
            assert answer.status == 503
        keys: tuple[VerifyKey, ...] = (traffic.signer.verify_key,)
        facts = HaproxyFacts(
            traffic.facts.bind_host,
            traffic.facts.ports,
            traffic.facts.stats_socket,
            servers={"shop": (Server("shop-1", "127.0.0.1", one.port),)},
            keys=keys,
        )
        (traffic.folder / "haproxy.cfg").write_text(haproxy_config(traffic.stack, facts))
        async with Load(f"{traffic.url}/x") as load:
            await load.served("one")
            traffic.proxy.reload()

            async def passes() -> bool:
                async with traffic.http.get(f"{gate}/api/shop/x", headers=token) as answer:
                    return answer.status == 200

            async with asyncio.timeout(10):
                while not await passes():
                    await asyncio.sleep(0.05)
            await load.served("one", 200)
        assert load.failures == []
        await traffic.runtime.wait_reachable()
        assert [server.id for server in await traffic.runtime.servers("shop")] == ["shop-1"]


async def test_a_drain_lets_requests_in_flight_end_and_gives_no_new_ones(traffic: Traffic) -> None:
    release = asyncio.Event()

    async def slow(request: web.Request) -> web.Response:
        await release.wait()
        return await echo(request)

    runtime = traffic.runtime
    async with upstream("one", slow) as one:
        await runtime.add_server("shop", "shop-1", "127.0.0.1", one.port)
        asking = asyncio.create_task(traffic.http.get(f"{traffic.url}/slow"))
        await eventually(lambda: one.seen)
        assert await runtime.sessions("shop", "shop-1") == 1
        await runtime.drain("shop", "shop-1")
        with pytest.raises(ServerBusy, match="shop/shop-1 still serves 1 requests"):
            await runtime.drained("shop", "shop-1", 0.2)
        with pytest.raises(ServerBusy):
            await runtime.remove_server("shop", "shop-1", timeout=0.2)
        async with traffic.http.get(f"{traffic.url}/new") as answer:
            assert answer.status == 503
        release.set()
        assert (await asking).status == 200
        await runtime.remove_server("shop", "shop-1")
        assert await runtime.servers("shop") == []


async def test_an_instance_that_hangs_is_removed_by_force(traffic: Traffic) -> None:
    async def hang(request: web.Request) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError

    async with upstream("one", hang) as one:
        await traffic.runtime.add_server("shop", "shop-1", "127.0.0.1", one.port)
        asking = asyncio.create_task(traffic.http.post(f"{traffic.url}/x"))
        await eventually(lambda: one.seen)
        await traffic.runtime.remove_server("shop", "shop-1", force=True)
        assert (await asking).status in (502, 503)


async def test_weights_share_the_traffic(traffic: Traffic) -> None:
    async with upstream("one") as one, upstream("two") as two:
        await traffic.runtime.add_server("shop", "shop-1", "127.0.0.1", one.port)
        await traffic.runtime.add_server("shop", "shop-2", "127.0.0.1", two.port)
        await traffic.runtime.set_weight("shop", "shop-2", 0)
        async with Load(f"{traffic.url}/x") as load:
            await load.served("one", 200)
        assert load.answers["two"] == 0
        states = {server.id: server.weight for server in await traffic.runtime.servers("shop")}
        assert states == {"shop-1": 100, "shop-2": 0}


async def test_an_unhealthy_instance_gets_no_requests_until_it_is_healthy_again(traffic: Traffic) -> None:
    async with upstream("one") as one, upstream("two") as two:
        await traffic.runtime.add_server("shop", "shop-1", "127.0.0.1", one.port)
        await traffic.runtime.add_server("shop", "shop-2", "127.0.0.1", two.port)

        one.healthy = False
        await traffic.wait("shop-1", "down")
        async with Load(f"{traffic.url}/x") as load:
            await load.served("two", 100)
        assert load.answers["one"] == 0
        one.healthy = True
        await traffic.wait("shop-1", "up")


async def test_an_instance_that_only_fails_is_taken_out_long_before_its_regular_checks(
    traffic: Traffic,
) -> None:
    async def fail(request: web.Request) -> web.Response:
        return web.Response(status=500)

    async with upstream("one", fail) as one, upstream("two") as two:
        await traffic.runtime.add_server("shop", "shop-1", "127.0.0.1", one.port)
        await traffic.runtime.add_server("shop", "shop-2", "127.0.0.1", two.port)
        one.healthy = False
        async with Load(f"{traffic.url}/x") as load:
            await traffic.wait("shop-1", "down", within=1.5)
            count = len(load.failures)
            await load.served("two", 300)
        assert len(load.failures) <= count + load.clients


async def test_poisoned_requests_do_not_take_a_healthy_instance_away_from_others(traffic: Traffic) -> None:
    async def fail(request: web.Request) -> web.Response:
        return web.Response(status=500)

    async with upstream("one", fail) as one:
        await traffic.runtime.add_server("shop", "shop-1", "127.0.0.1", one.port)
        for _ in range(60):
            async with traffic.http.get(f"{traffic.url}/poison") as answer:
                assert answer.status == 500
        one.handler = echo
        async with traffic.http.get(f"{traffic.url}/good") as answer:
            assert answer.status == 200


async def test_adding_a_known_instance_moves_it_to_its_new_address(traffic: Traffic) -> None:
    async with upstream("one") as one, upstream("two") as two:
        await traffic.runtime.add_server("shop", "shop-1", "127.0.0.1", one.port)
        await traffic.runtime.add_server("shop", "shop-1", "127.0.0.1", one.port)
        await traffic.runtime.add_server("shop", "shop-1", "127.0.0.1", two.port)
        async with traffic.http.get(f"{traffic.url}/x") as answer:
            assert answer.headers["X-Served-By"] == "two"
        (server,) = await traffic.runtime.servers("shop")
        assert (server.address, server.state) == (f"127.0.0.1:{two.port}", "up")


async def test_what_haproxy_does_not_know_is_said(traffic: Traffic) -> None:
    with pytest.raises(UnknownServer, match="No such server"):
        await traffic.runtime.drain("shop", "shop-9")
    with pytest.raises(UnknownServer):
        await traffic.runtime.add_server("nope", "nope-1", "127.0.0.1", 1)
    with pytest.raises(UnknownServer):
        await traffic.runtime.servers("nope")
    with pytest.raises(UnknownServer):
        await traffic.runtime.remove_server("nope", "nope-1")
    await traffic.runtime.remove_server("shop", "shop-9")
    with pytest.raises(Refused, match="weight 300"):
        await traffic.runtime.set_weight("shop", "shop-1", 300)
    with pytest.raises(Refused, match="more than one command"):
        await traffic.runtime.drain("shop", "a; shutdown sessions server shop/b")


async def test_a_haproxy_that_does_not_run_is_said(tmp_path: Path) -> None:
    runtime = HaproxyRuntime(tmp_path / "none.sock")
    with pytest.raises(Unreachable, match=r"HAProxy does not answer on .*none\.sock"):
        await runtime.servers()
    with pytest.raises(Unreachable):
        await runtime.wait_reachable(0.1)
