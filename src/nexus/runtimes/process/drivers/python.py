"""A Python module: `python -m nexus_<name>` with the brick's folder on the path."""

from __future__ import annotations

import sys

from nexus.runtimes.process.runtime import ProcessRuntime
from nexus.runtimes.protocol import Launch
from nexus.runtimes.site import Site, Slot
from nexus.stack import Service


def prepare(runtime: ProcessRuntime, site: Site, service: Service, slot: Slot, config: str) -> Launch:
    """Runs the module from its own state folder, with its code on the path."""
    account = runtime.account(service.name)
    state = site.folders(service, account)
    default = ("python", "-m", f"nexus_{service.name.replace('-', '_')}")
    program, *arguments = service.command or default
    env = site.module_environment(service, slot)
    env["PYTHONPATH"] = str(service.folder)
    env["PYTHONUNBUFFERED"] = "1"
    env["PYTHONDONTWRITEBYTECODE"] = "1"
    return Launch(
        service=service.name,
        instance=slot.instance,
        release=service.release,
        port=slot.port,
        argv=(sys.executable if program in ("python", "python3") else program, *arguments),
        env=env,
        cwd=state,
        log=site.home.log(service.name),
        account=account,
        knows=site.neighbours(service),
    )
