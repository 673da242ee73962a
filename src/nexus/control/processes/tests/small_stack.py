"""A small stack under a keeper of its own: a gateway, and a brick with as many releases as a test wants."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import aiohttp
from valkey.asyncio import Valkey

from nexus.control.candidates import Candidates
from nexus.control.charge import Charge
from nexus.control.processes.keeper import ProcessKeeper
from nexus.control.wanted import Wanted
from nexus.plans import Step
from nexus.render.tests.proxies import free_port
from nexus.runtimes.home import Home
from nexus.runtimes.process.register import Register
from nexus.runtimes.site import Site
from nexus.stack import Service, load_stack

STACK = "name: small\ninfrastructure:\n  gate: {kind: gateway, runtime: haproxy, port: 9000}\n"
BRICK = """\
name: shop
runtime: python
command: [python, -m, shop]
port: 9001
routes: [/]
public: [/*]
health: {live: /ready, ready: /ready}
"""
ROLLOUT = "rollout: {start: 20s, settle: 200ms, drain: 2s}\n"


def brick_of(route: str) -> str:
    """The shop's manifest with another route."""
    return BRICK.replace("[/]", f"[{route}]").replace("[/*]", f"[{route.rstrip('/')}/*]")


@dataclass
class SmallStack:
    """The stack. `keeper` is the present one."""

    folder: Path
    ports: dict[str, int]
    more: tuple[str, ...] = ()
    others: dict[tuple[str, str], Service] = field(default_factory=dict)
    gaps: list[float] = field(default_factory=list)
    keeper: ProcessKeeper = field(init=False)
    http: aiohttp.ClientSession = field(init=False)

    @property
    def home(self) -> Home:
        return Home.at(self.folder / "home")

    @property
    def stable(self) -> str:
        """The name of the release that is recorded as the stable one."""
        return (self.folder / "stable").read_text()

    @stable.setter
    def stable(self, name: str) -> None:
        (self.folder / "new").write_text(name)
        (self.folder / "new").rename(self.folder / "stable")

    @property
    def url(self) -> str:
        """The stable address of the shop."""
        return f"http://127.0.0.1:{self.ports['shop']}"

    def release(self, name: str, manifest: str = ROLLOUT, route: str = "/") -> Service:
        """The shop as its release of this name has it; made when it is not there."""
        root = self.folder / f"release-{name}"
        brick = root / "modules" / "shop"
        if not brick.exists():
            brick.mkdir(parents=True)
            (root / "nexus.yaml").write_text(STACK + "".join(f"  {line}\n" for line in self.more))
            (brick / "module.yaml").write_text(brick_of(route) + manifest)
            (brick / "version.txt").write_text(name)
            shutil.copy(Path(__file__).with_name("shop.py"), brick)
        return load_stack(root).service("shop")

    async def open(self) -> ProcessKeeper:
        """A keeper as a control loop that has just started has it: it knows what is recorded."""
        register = Register(self.home.database)
        candidates = Candidates(register, self._resolve)
        charge = Charge(Wanted(register), candidates, self._tell, self._adopt)
        self.keeper = ProcessKeeper(self.home, register, charge)
        await self.keeper.settle(self._site(self.release(self.stable)))
        await self.keeper.take_up()
        return self.keeper

    async def close(self) -> None:
        """What happens to a control loop that ends: everything it started goes on running."""
        await self.keeper.close()
        self.keeper.register.close()

    async def act(self, action: str, target: str = "shop", **arguments: str) -> None:
        """Carries out one step of a plan."""
        step = Step(f"{action} {target}", action, target, "a test", action, arguments=arguments)
        await self.keeper.actions()[action](step)

    async def deploy(self, *actions: str, release: Service, weight: int = 100, count: int = 1) -> None:
        """Several actions for one release."""
        for action in actions:
            told = {"release": release.release, "weight": str(weight), "count": str(count)}
            await self.act(action, **told)

    async def ask(self, path: str = "/", at: str = "shop", **headers: str) -> tuple[int, str]:
        """The status of an answer, and the version that gave it."""
        url = f"http://127.0.0.1:{self.ports[at]}{path}"
        async with self.http.get(url, headers=headers) as answer:
            ours = answer.content_type == "application/json"
            return answer.status, (await answer.json())["version"] if ours else await answer.text()

    async def shares(self, requests: int = 100) -> Counter[str]:
        """How many of so many requests each version answers."""
        return Counter([(await self.ask())[1] for _ in range(requests)])

    def running(self) -> Counter[str]:
        """How many processes of each version of the shop run."""
        known = {self.release(each).release: each for each in self._releases()}
        return Counter(known[i.release] for i in self.keeper.instances()["shop"] if i.alive)

    def cache(self) -> Valkey:
        """A client of the cache `store`."""
        password = self.home.secret("store", "password").read_text().strip()
        return Valkey(host="127.0.0.1", port=self.ports["store"], password=password)

    async def _adopt(self, service: Service) -> None:
        if service.name == "shop":
            self.stable = next(
                each for each in self._releases() if self.release(each).release == service.release
            )
        assert self.keeper.site is not None
        stack = self.keeper.site.stack
        services = tuple(service if each.name == service.name else each for each in stack.services)
        await self.keeper.settle(replace(self.keeper.site, stack=replace(stack, services=services)))

    def _tell(self, event: dict[str, Any]) -> None:
        if event["event"] == "gap":
            self.gaps.append(event["seconds"])

    def _resolve(self, service: str, release: str) -> Service:
        if (service, release) in self.others:
            return self.others[service, release]
        return next(s for each in self._releases() if (s := self.release(each)).release == release)

    def _releases(self) -> list[str]:
        return [each.name.removeprefix("release-") for each in self.folder.glob("release-*")]

    def _site(self, shop: Service) -> Site:
        stack = load_stack(self.folder / f"release-{self.stable}")
        services = tuple(shop if each.name == "shop" else each for each in stack.services)
        return Site(replace(stack, services=services), self.home, self.ports)


@asynccontextmanager
async def small_stack(manifest: str = ROLLOUT, more: tuple[str, ...] = ()) -> AsyncIterator[SmallStack]:
    """A stack whose release 1 runs behind the gateway, with `more` entries of infrastructure."""
    folder = Path(tempfile.mkdtemp(prefix="nexus-small-"))
    folder.chmod(0o755)
    names = ("gate", *(line.partition(":")[0] for line in more), "shop")
    stack = SmallStack(folder, {name: free_port() for name in names}, more)
    stack.home.prepare()
    stack.release("1", manifest)
    stack.stable = "1"
    async with aiohttp.ClientSession() as stack.http:
        await stack.open()
        try:
            await stack.act("secrets", "small")
            for name in names:
                await stack.act("start", name)
            yield stack
        finally:
            for name in reversed(names):
                await stack.act("stop", name)
            await stack.close()
    shutil.rmtree(folder)
    shutil.rmtree(stack.home.run, ignore_errors=True)


@dataclass
class Load:
    """What clients got that asked all the while."""

    answers: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)


@asynccontextmanager
async def load(stack: SmallStack, at: str = "shop", clients: int = 4) -> AsyncIterator[Load]:
    """Clients with kept connections, some hundred requests a second; those in flight end with the block."""
    found, over = Load(), asyncio.Event()

    async def ask() -> None:
        while not over.is_set():
            try:
                status, version = await stack.ask(at=at)
                found.answers[version] += 1
                if status != 200:
                    found.failures.append(str(status))
            except aiohttp.ClientError as error:
                found.failures.append(repr(error))
            await asyncio.sleep(0.02)

    asking = [asyncio.create_task(ask()) for _ in range(clients)]
    try:
        yield found
    finally:
        over.set()
        await asyncio.gather(*asking)


async def until(true: Callable[[], bool], within: float = 15.0) -> None:
    """Returns when something is so."""
    async with asyncio.timeout(within):
        while not true():
            await asyncio.sleep(0.02)
