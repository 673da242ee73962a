"""How a real gateway shares requests between two releases of a service."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from nexus.render import HaproxyFacts, Server, haproxy_config
from nexus.render.haproxy import candidate_backend
from nexus.render.tests.proxies import (
    Proxy,
    Signer,
    Upstream,
    bearer,
    free_port,
    haproxy,
    open_folder,
    upstream,
)
from nexus.stack import load_stack
from nexus.traffic.socket import RuntimeSocket

GATE = "name: gate\nkind: gateway\nruntime: haproxy\nport: 9000\nenv: {RATE_LIMIT_PUBLIC_REQUESTS: 100000}\n"
TILL = "name: till\nruntime: python\nport: 9001\nroutes: [/api/till]\npublic: [/api/till]\n"
DESK = "name: desk\nruntime: python\nport: 9002\nroutes: [/api/desk]\njwks: /k\nrollout: {sticky: true}\n"
USERS = [f"user-{number}" for number in range(100)]
ADDRESSES = [f"203.0.113.{number}" for number in range(1, 101)]


@dataclass
class Split:
    """A gateway before two releases of `till`, and of `desk`, which is sticky."""

    proxy: Proxy
    ports: dict[str, int]
    map: Path
    socket: RuntimeSocket
    candidate: Upstream
    http: aiohttp.ClientSession
    signer: Signer

    async def share(self, **percent: int) -> None:
        for service, each in percent.items():
            await self.socket.ask(f"set map {self.map} {service} {each}")

    async def sides(self, service: str, headers: Iterable[dict[str, str]]) -> list[str]:
        """Who answered each of these requests through the gateway."""
        gate = asyncio.Semaphore(16)

        async def one(each: dict[str, str]) -> str:
            url = f"http://127.0.0.1:{self.ports['gate']}/api/{service}"
            async with gate, self.http.get(url, headers=each) as answer:
                assert answer.status == 200, await answer.text()
                return answer.headers["X-Served-By"]

        return await asyncio.gather(*(one(each) for each in headers))

    async def lucky(self) -> set[str]:
        """The users whom the candidate of `desk` answers."""
        sides = await self.sides("desk", [bearer(self.signer.token(sub=user)) for user in USERS])
        return {user for user, side in zip(USERS, sides, strict=True) if side == "new"}

    async def near(self, service: str, address: str) -> str:
        """Who answers a client of this address on the service's stable port."""
        url = f"http://127.0.0.1:{self.ports[service]}/"
        async with self.http.get(url, headers={"X-Forwarded-For": address}) as answer:
            return answer.headers["X-Served-By"]


@pytest_asyncio.fixture(scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory, signer: Signer) -> AsyncIterator[Split]:
    root = tmp_path_factory.mktemp("split")
    (root / "nexus.yaml").write_text("name: shop\n")
    for name, text in {"gate": GATE, "till": TILL, "desk": DESK}.items():
        (root / "modules" / name).mkdir(parents=True)
        (root / "modules" / name / "module.yaml").write_text(text)
    with open_folder() as folder:
        async with upstream("old") as old, upstream("new") as new:
            ports = {name: free_port() for name in ("gate", "till", "desk")}
            servers = {name: (Server(f"{name}-1", "127.0.0.1", old.port),) for name in ("till", "desk")}
            servers |= {
                candidate_backend(name): (Server(f"{name}-2", "127.0.0.1", new.port),) for name in servers
            }
            (folder / "split").write_text("till 0\ndesk 0\n")
            facts = HaproxyFacts(
                bind_host="127.0.0.1",
                ports=ports,
                stats_socket=folder / "h.sock",
                servers=servers,
                keys=(signer.verify_key,),
                split=folder / "split",
            )
            config = haproxy_config(load_stack(root), facts)
            async with haproxy(folder, config, ports["gate"]) as proxy, aiohttp.ClientSession() as http:
                socket = RuntimeSocket(folder / "h.sock", 5.0)
                yield Split(proxy, ports, folder / "split", socket, new, http, signer)


@pytest_asyncio.fixture
async def split(running: Split) -> Split:
    running.candidate.healthy = True
    for name in ("till", "desk"):
        await _up(running, name)
    await running.share(till=0, desk=0)
    return running


async def _up(split: Split, service: str, up: bool = True) -> None:
    for _ in range(200):
        servers = await split.socket.ask(f"show servers state {candidate_backend(service)}")
        state = servers.splitlines()[2].split()[5]  # srv_op_state: 0 stopped, 2 running
        if (state == "2") == up:
            return
        await asyncio.sleep(0.02)
    raise AssertionError(servers)


@pytest.mark.parametrize("percent", [0, 5, 25, 100])
async def test_the_candidate_gets_its_share_of_the_requests(split: Split, percent: int) -> None:
    await split.share(till=percent)
    found = Counter(await split.sides("till", [{}] * 1000))
    expected, deviation = 10 * percent, (0.1 * percent * (100 - percent)) ** 0.5
    # Four standard deviations to each side: a right gateway fails once in 16,000 runs.
    assert abs(found["new"] - expected) <= 4 * deviation
    assert found.total() == 1000


async def test_the_same_users_meet_the_candidate_again_and_stay_when_its_share_grows(split: Split) -> None:
    await split.share(desk=10)
    few = await split.lucky()
    assert few == await split.lucky()
    await split.share(desk=50)
    many = await split.lucky()
    assert few < many
    await split.share(desk=100)
    assert await split.lucky() == set(USERS)


async def test_on_a_stable_port_the_clients_address_decides_where_nobody_has_a_name(split: Split) -> None:
    await split.share(desk=40)
    first = [await split.near("desk", address) for address in ADDRESSES]
    assert first == [await split.near("desk", address) for address in ADDRESSES]
    assert 20 <= first.count("new") <= 60
    await split.share(desk=60)
    later = [await split.near("desk", address) for address in ADDRESSES]
    assert all(after == "new" for before, after in zip(first, later, strict=True) if before == "new")


async def test_calls_that_name_no_client_are_shared_although_all_come_from_one_address(split: Split) -> None:
    await split.share(desk=50)
    url = f"http://127.0.0.1:{split.ports['desk']}/"
    found: Counter[str] = Counter()
    for _ in range(60):
        async with split.http.get(url) as answer:
            found[answer.headers["X-Served-By"]] += 1
    assert set(found) == {"old", "new"}


async def test_a_header_asks_for_a_side_and_no_module_sees_it(split: Split) -> None:
    assert set(await split.sides("till", [{"X-Nexus-Side": "candidate"}] * 20)) == {"new"}
    await split.share(till=100)
    assert set(await split.sides("till", [{"X-Nexus-Side": "stable"}] * 20)) == {"old"}
    url = f"http://127.0.0.1:{split.ports['till']}/"
    async with split.http.get(url, headers={"X-Nexus-Side": "stable"}) as answer:
        assert answer.headers["X-Served-By"] == "old"
        assert "x-nexus-side" not in (await answer.json())["headers"]


async def test_the_stable_release_answers_while_the_candidate_cannot(split: Split) -> None:
    await split.share(till=100)
    split.candidate.healthy = False
    await _up(split, "till", up=False)
    assert set(await split.sides("till", [{}] * 20)) == {"old"}
    assert set(await split.sides("till", [{"X-Nexus-Side": "candidate"}])) == {"old"}


async def test_the_log_tells_which_side_answered(split: Split) -> None:
    await split.sides("till", [{"X-Nexus-Side": "candidate", "X-Request-Id": "asked-the-new-one"}])
    line = await split.proxy.line(lambda each: each.get("request_id") == "asked-the-new-one")
    assert line["backend"] == "till.next"


async def test_a_reload_reads_the_shares_from_the_file(split: Split) -> None:
    split.map.write_text("till 100\ndesk 0\n")
    split.proxy.reload()

    async def moved() -> bool:
        return set(await split.sides("till", [{}] * 5)) == {"new"}

    for _ in range(100):
        if await moved():
            break
        await asyncio.sleep(0.05)
    else:
        raise AssertionError("the former shares are still in force")
