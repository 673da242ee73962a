"""Any program: `command` of the manifest, run in the brick's folder."""

from __future__ import annotations

import os
from pathlib import Path

from nexus.runtimes.process.runtime import ProcessRuntime
from nexus.runtimes.protocol import Launch
from nexus.runtimes.site import Site, Slot
from nexus.stack import Service


def prepare(runtime: ProcessRuntime, site: Site, service: Service, slot: Slot, config: str) -> Launch:
    """Runs `command` in the brick's folder, where its own files are."""
    account = runtime.account(service.name)
    site.folders(service, account)
    return Launch(
        service=service.name,
        instance=slot.instance,
        release=service.release,
        port=slot.port,
        argv=(program(service.command[0], service.folder), *service.command[1:]),
        env=site.module_environment(service, slot),
        cwd=service.folder,
        log=site.home.log(service.name),
        account=account,
        knows=site.neighbours(service),
    )


def program(name: str, folder: Path) -> str:
    """A program that lies in the brick's folder is named from there; any other is found on PATH."""
    own = folder / name
    return str(own) if own.is_file() and os.access(own, os.X_OK) else name
