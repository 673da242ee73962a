from collections.abc import AsyncIterator, Callable

import aiohttp
import pytest_asyncio

from nexus.render import HaproxyFacts, Server, haproxy_config
from nexus.render.tests.proxies import Signer, bearer, free_port, haproxy, open_folder, upstream
from nexus.stack import Stack

LIMITED = """
name: gate
kind: gateway
runtime: haproxy
port: 9000
env: {RATE_LIMIT_REQUESTS: 10, RATE_LIMIT_PUBLIC_REQUESTS: 3, RATE_LIMIT_WINDOW: 60s}
"""


@pytest_asyncio.fixture
async def url(make_stack: Callable[..., Stack]) -> AsyncIterator[tuple[str, Signer]]:
    with open_folder() as folder:
        signer = Signer(folder, "key-1")
        async with upstream("shop-1") as shop:
            port = free_port()
            ports = {"gate": port, "shop": free_port()}
            facts = HaproxyFacts(
                "127.0.0.1",
                ports,
                folder / "h.sock",
                servers={"shop": (Server("shop-1", "127.0.0.1", shop.port),)},
                keys=(signer.verify_key,),
            )
            async with haproxy(folder, haproxy_config(make_stack(LIMITED), facts), port):
                yield f"http://127.0.0.1:{port}", signer


async def ask(url: str, times: int, path: str = "/api/shop/x", **headers: str) -> list[int]:
    async with aiohttp.ClientSession() as http:
        statuses = []
        for _ in range(times):
            async with http.get(url + path, headers=headers) as answer:
                statuses.append(answer.status)
                if answer.status == 429:
                    body = await answer.json(content_type=None)
                    assert body["type"] == "urn:nexus:problem:rate-limited"
                    assert answer.headers["Retry-After"] == "60"
        return statuses


async def test_one_identity_is_limited_over_all_its_addresses_and_others_are_not(
    url: tuple[str, Signer],
) -> None:
    address, signer = url
    ana, bia = bearer(signer.token(sub="ana")), bearer(signer.token(sub="bia"))
    first = await ask(address, 6, **ana, **{"X-Forwarded-For": "203.0.113.1"})
    second = await ask(address, 6, **ana, **{"X-Forwarded-For": "203.0.113.2"})
    assert first + second == [200] * 10 + [429] * 2
    assert await ask(address, 1, **bia, **{"X-Forwarded-For": "203.0.113.3"}) == [200]


async def test_one_address_is_limited_over_all_its_identities(url: tuple[str, Signer]) -> None:
    address, signer = url
    statuses = []
    for number in range(12):
        token = bearer(signer.token(sub=f"user-{number}"))
        statuses += await ask(address, 1, **token, **{"X-Forwarded-For": "203.0.113.9"})
    assert statuses == [200] * 10 + [429] * 2


async def test_paths_without_a_token_have_a_limit_of_their_own(url: tuple[str, Signer]) -> None:
    address, _ = url
    statuses = await ask(address, 5, "/api/shop/login", **{"X-Forwarded-For": "203.0.113.1"})
    assert statuses == [200, 200, 200, 429, 429]
    assert await ask(address, 1, "/api/shop/login", **{"X-Forwarded-For": "2001:db8::1"}) == [200]
