"""A Node.js module: its `command`, run in a folder built with npm for this one release."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from functools import lru_cache
from pathlib import Path

from nexus.runtimes.home import closed_to_others
from nexus.runtimes.process.drivers.command import program
from nexus.runtimes.process.npm import build_release
from nexus.runtimes.process.register import Register
from nexus.runtimes.process.runtime import ProcessRuntime
from nexus.runtimes.protocol import Launch, StartError
from nexus.runtimes.site import Site, Slot
from nexus.stack import Service

OLDEST = 20  # the oldest major version of Node.js that is still given fixes
SETTINGS = ".npmrc"
_MEND = (
    f"install Node.js {OLDEST} or newer with npm and put it on PATH "
    "(Debian 13 or newer: apt-get install nodejs npm; macOS: brew install node; others: https://nodejs.org)"
)


def folder(site: Site, service: Service) -> Path:
    """Where the build of the service's release lies; it never changes once it is there."""
    return site.home.root / "builds" / service.name / service.digest


def built(site: Site, service: Service) -> bool:
    """Whether the service's release was built."""
    return folder(site, service).is_dir()


async def build(site: Site, service: Service) -> None:
    """Builds the service's release beside its place and moves it there when it is whole.

    Older builds go, but for the one before and those that run.

    Raises:
        StartError: Node.js or npm is missing, or npm failed; its last lines are in the error.
    """
    node = find_node(service)
    if shutil.which("npm") is None:
        raise StartError(f"{service.name} is built with npm, which is not on PATH; {_MEND}")
    settings = site.stack.root / service.place / SETTINGS  # how to reach a registry: no part of what runs
    await build_release(service, folder(site, service), node, _running(site, service), settings)


def prepare(runtime: ProcessRuntime, site: Site, service: Service, slot: Slot, config: str) -> Launch:
    """Runs `command` in the build of the service's release, which is also its NEXUS_MODULE_DIR."""
    node = find_node(service)
    home = folder(site, service)
    if not home.is_dir():
        raise StartError(f"{service.name} {service.release} is not built; run nexus up, which builds it")
    account = runtime.account(service.name)
    closed = closed_to_others(node) if account else None
    if closed:
        raise StartError(f"{service.name} runs as a user of its own, which cannot enter {closed}; {_MEND}")
    site.folders(service, account)
    first = service.command[0]
    env = site.module_environment(service, slot)
    env["PATH"] = os.pathsep.join((str(node.parent), env["PATH"]))
    env["NEXUS_MODULE_DIR"] = str(home)
    env.setdefault("NODE_ENV", "production")
    return Launch(
        service=service.name,
        instance=slot.instance,
        release=service.release,
        port=slot.port,
        argv=(str(node) if first == "node" else program(first, home), *service.command[1:]),
        env=env,
        cwd=home,
        log=site.home.log(service.name),
        account=account,
        knows=site.neighbours(service),
    )


def find_node(service: Service) -> Path:
    """The Node.js on PATH.

    Raises:
        StartError: there is none, or it is too old.
    """
    found = shutil.which("node")
    if found is None:
        raise StartError(f"{service.name} runs on Node.js, which is not on PATH; {_MEND}")
    node = Path(found).resolve()
    version = _version(node, node.stat().st_mtime_ns)
    number = re.match(r"v(\d+)\.", version)
    if number is None or int(number[1]) < OLDEST:
        raise StartError(f"{service.name} needs Node.js {OLDEST} or newer, but {found} is {version}; {_MEND}")
    return node


@lru_cache
def _version(node: Path, changed: int) -> str:
    """What the program says of itself; asked again when its file has changed."""
    try:
        done = subprocess.run([str(node), "--version"], capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StartError(f"{node} cannot be run ({error}); {_MEND}") from error
    return done.stdout.strip() or f"not Node.js (it said {done.stderr.strip()[:200]!r})"


def _running(site: Site, service: Service) -> frozenset[str]:
    """The digests of the service that run, as far as the stack's register knows."""
    if not site.home.database.exists():
        return frozenset()
    register = Register(site.home.database)
    try:
        return frozenset(
            each.release.partition("-")[0] for each in register.known() if each.service == service.name
        )
    finally:
        register.close()
