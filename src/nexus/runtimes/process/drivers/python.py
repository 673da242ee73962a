"""A Python module: `python -m nexus_<name>` in its locked environment."""

from __future__ import annotations

import os

from nexus.runtimes.process import environments
from nexus.runtimes.process.runtime import ProcessRuntime
from nexus.runtimes.protocol import Launch
from nexus.runtimes.site import Site, Slot
from nexus.stack import Service


def prepare(runtime: ProcessRuntime, site: Site, service: Service, slot: Slot, config: str) -> Launch:
    """Runs the module from its own state folder; what it imports is its release's own code."""
    account = runtime.account(service.name)
    interpreter = environments.interpreter(site.home, service)
    state = site.folders(service, account)
    default = ("python", "-m", f"nexus_{service.name.replace('-', '_')}")
    program, *arguments = service.command or default
    env = site.module_environment(service, slot)
    shared = [path for path in reversed(service.shared) if path.is_dir()]
    env["PATH"] = os.pathsep.join((str(interpreter.parent), env["PATH"]))
    env["PYTHONPATH"] = os.pathsep.join(map(str, (service.folder, *shared)))
    env["PYTHONUNBUFFERED"] = "1"
    env["PYTHONDONTWRITEBYTECODE"] = "1"
    return Launch(
        service=service.name,
        instance=slot.instance,
        release=service.release,
        port=slot.port,
        argv=(str(interpreter) if program in ("python", "python3") else program, *arguments),
        env=env,
        cwd=state,
        log=site.home.log(service.name),
        account=account,
        knows=site.neighbours(service),
    )
