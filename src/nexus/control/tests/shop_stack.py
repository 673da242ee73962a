"""A small stack under a control loop of its own: a gateway, and a shop that is released again and again."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nexus.control.client import Client
from nexus.control.processes import __file__ as processes
from nexus.runtimes.home import Home
from nexus.testing import CHECKOUT, ThrowawayStack, eventually, throwaway_stack

STACK = """\
name: small
telemetry: {collect: off}
infrastructure:
  gate: {kind: gateway, runtime: haproxy, port: 9000}
"""
BRICK = """\
name: shop
runtime: python
command: [python, -m, shop]
port: 9001
routes: [/]
public: [/*]
health: {live: /ready, ready: /ready}
env: {MOOD: "%s"}
rollout:
  {strategy: canary, steps: [50, 100], start: 20s, settle: 100ms, hold: 300ms, patience: 1s, bake: 1s,
   drain: 1s, hooks: {before: [python, -c, pass]}}
"""


@dataclass(frozen=True)
class Shop:
    """The stack, and what its operator does. Versions are words that the shop answers with."""

    stack: ThrowawayStack

    @property
    def address(self) -> str:
        """Where the shop is asked."""
        return f"http://127.0.0.1:{9001 + self.stack.offset}"

    @property
    def control(self) -> Client:
        """The control API."""
        return Client(Home.at(self.stack.home))

    def write(self, version: str, mood: str = "") -> None:
        """The sources hold this version from now on."""
        brick = self.stack.root / "modules" / "shop"
        brick.mkdir(parents=True, exist_ok=True)
        (brick / "module.yaml").write_text(BRICK % mood)
        (brick / "version.txt").write_text(version)
        shutil.copy(Path(processes).with_name("tests") / "shop.py", brick)

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        """A command that is not waited for; what it says is read line by line."""
        return subprocess.Popen(
            [str(CHECKOUT / "nexus"), *arguments],
            env=self.stack.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def deploy(self, *arguments: str) -> tuple[int, dict[str, Any]]:
        """Deploys the shop; the exit code and the last event."""
        done = self.stack.run("deploy", "shop", "--json", *arguments)
        return done.returncode, json.loads(done.stdout.splitlines()[-1])

    def killed_at(self, step: str, *arguments: str) -> tuple[int, dict[str, Any]]:
        """Deploys the shop, or what `arguments` say, and kills the control loop as soon as `step` begins; how
        the command ended.
        """
        killed = 0
        last: dict[str, Any] = {}
        with self.begin(*(arguments or ("deploy", "shop")), "--json") as running:
            assert running.stdout is not None
            for line in running.stdout:
                if not line.startswith("{"):
                    continue
                last = json.loads(line)
                if killed or last["event"] != "step" or (last["action"], last["kind"]) != (step, "started"):
                    continue
                killed = self.control.get("/v1/ping")["pid"]
                os.kill(killed, signal.SIGKILL)
        assert killed, f"no step {step} began"
        self.until_followed(killed)  # the command may have ended before the loop did
        return running.returncode, last

    def until_followed(self, killed: int) -> None:
        """Returns when a control loop answers that is not the killed one."""

        def followed() -> bool:
            with suppress(OSError, http.client.HTTPException):
                return bool(self.control.get("/v1/ping")["pid"] != killed)
            return False

        assert eventually(followed, within=20.0)

    def answers(self) -> set[str]:
        """The versions that answer."""
        found = set()
        for _ in range(20):
            with urllib.request.urlopen(self.address, timeout=5) as answer:
                found.add(json.load(answer)["version"])
        return found

    @contextmanager
    def asked(self) -> Iterator[None]:
        """While inside, somebody asks the shop some ten times a second, whatever it answers."""
        ending = threading.Event()

        def ask() -> None:
            while not ending.wait(0.1):
                with suppress(OSError):
                    urllib.request.urlopen(self.address, timeout=5).close()

        asking = threading.Thread(target=ask)
        asking.start()
        try:
            yield
        finally:
            ending.set()
            asking.join()

    def releases(self) -> dict[str, Any]:
        """What is known of the shop's releases and deployments."""
        told: dict[str, Any] = self.control.get("/v1/releases?service=shop")
        return told

    def running(self) -> list[tuple[str, str]]:
        """Side and release of each running instance of the shop."""
        services = self.control.get("/v1/status")["services"]
        there = next(each["instances"] for each in services if each["name"] == "shop")
        return [(each["side"], each["release"]) for each in there if each["pid"]]

    def deployment(self) -> dict[str, Any]:
        """What is under way, and what ended last."""
        told: dict[str, Any] = self.control.get("/v1/deploy/status")
        return told


@contextmanager
def shop_stack(version: str = "1") -> Iterator[Shop]:
    """The stack, up with this version; gone afterwards."""
    root = Path(tempfile.mkdtemp(prefix="nexus-shop-"))
    root.chmod(0o755)
    (root / "nexus.yaml").write_text(STACK)
    try:
        first = Shop(ThrowawayStack(root, root, 0))
        first.write(version)
        with throwaway_stack(root=root) as stack:
            yield Shop(stack)
    finally:
        shutil.rmtree(root)
