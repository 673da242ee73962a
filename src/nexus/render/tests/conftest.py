from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from nexus.render import HaproxyFacts, Server, haproxy_config
from nexus.render.tests.proxies import Proxy, Signer, Upstream, free_port, haproxy, open_folder, upstream
from nexus.stack import Stack, load_stack

STACK = "name: shop\n"
GATEWAY = """
name: gate
kind: gateway
runtime: haproxy
port: 9000
env: {BODY_LIMIT: 64K, RATE_LIMIT_REQUESTS: 100000, RATE_LIMIT_PUBLIC_REQUESTS: 100000}
"""
SHOP = """
name: shop
runtime: python
port: 9001
routes: [/api/shop]
public: [/api/shop/login, /api/shop/open/*]
"""
# A longer prefix inside another brick's, and a name that only begins like it.
DEALS = "name: deals\nruntime: python\nport: 9002\nroutes: [/api/shop/deals]\n"
KEYS = "name: keys\nruntime: python\nport: 9003\njwks: /keys.json\n"


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    with open_folder() as path:
        yield path


@pytest.fixture(scope="session")
def signer(folder: Path) -> Signer:
    # base64url, as key ids often are: it may begin with a dash
    return Signer(folder, "-key_1")


@pytest.fixture
def make_stack(tmp_path: Path) -> Callable[..., Stack]:
    def make(gateway: str = GATEWAY) -> Stack:
        return write_stack(tmp_path, gateway)

    return make


def write_stack(root: Path, gateway: str = GATEWAY) -> Stack:
    (root / "nexus.yaml").write_text(STACK)
    for name, text in {"gate": gateway, "shop": SHOP, "deals": DEALS, "keys": KEYS}.items():
        (root / "modules" / name).mkdir(parents=True, exist_ok=True)
        (root / "modules" / name / "module.yaml").write_text(text.lstrip())
    return load_stack(root)


@dataclass
class Gateway:
    """A running gateway in front of the bricks shop (one instance) and deals (none)."""

    proxy: Proxy
    url: str
    shop_url: str
    deals_url: str
    socket: Path
    shop: Upstream
    http: aiohttp.ClientSession
    signer: Signer


@pytest_asyncio.fixture(scope="session")
async def gateway(tmp_path_factory: pytest.TempPathFactory, signer: Signer) -> AsyncIterator[Gateway]:
    stack = write_stack(tmp_path_factory.mktemp("shop"))
    with open_folder() as folder:
        async with upstream("shop-1") as shop:
            ports = {name: free_port() for name in ("gate", "shop", "deals", "keys")}
            facts = HaproxyFacts(
                bind_host="127.0.0.1",
                ports=ports,
                stats_socket=folder / "h.sock",
                servers={"shop": (Server("shop-1", "127.0.0.1", shop.port),)},
                keys=(signer.verify_key,),
                metrics_for="127.0.0.1",
            )
            async with (
                haproxy(folder, haproxy_config(stack, facts), ports["gate"]) as proxy,
                aiohttp.ClientSession() as http,
            ):
                yield Gateway(
                    proxy=proxy,
                    url=f"http://127.0.0.1:{ports['gate']}",
                    shop_url=f"http://127.0.0.1:{ports['shop']}",
                    deals_url=f"http://127.0.0.1:{ports['deals']}",
                    socket=folder / "h.sock",
                    shop=shop,
                    http=http,
                    signer=signer,
                )
