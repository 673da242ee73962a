from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from moto.server import ThreadedMotoServer

from nexus.recovery.places.tests.sites import PASSWORD, SftpMachine, Site, client, home


@pytest.fixture(scope="session")
def store() -> Iterator[str]:
    """A store that speaks S3's protocol; its address."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


@pytest.fixture
async def machine(tmp_path: Path) -> AsyncIterator[SftpMachine]:
    """A machine that speaks SFTP."""
    made = SftpMachine(tmp_path / "machine")
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
def bucket(store: str, request: pytest.FixtureRequest) -> Callable[..., dict[str, Any]]:
    """Makes a bucket; how nexus.yaml tells of it."""
    made = 0

    def make(locks: bool = False, **told: Any) -> dict[str, Any]:
        nonlocal made
        made += 1
        name = f"b{abs(hash(request.node.nodeid)):x}-{made}"
        client(store).create_bucket(Bucket=name, ObjectLockEnabledForBucket=locks)
        return {"kind": "s3", "bucket": name, "prefix": "erp", "endpoint": store, **told}

    return make


@pytest.fixture(params=["directory", "sftp", "s3", "s3 with lock"])
async def site(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    machine: SftpMachine,
    bucket: Callable[..., dict[str, Any]],
) -> AsyncIterator[Site]:
    """A place of each kind."""
    match request.param:
        case "directory":
            disk = tmp_path / "disk"
            disk.mkdir()
            told = {"kind": "directory", "path": str(disk / "backups")}
            made = Site(told, home(tmp_path / "home", "-"), disk)
        case "sftp":
            made = Site(machine.manifest(), home(tmp_path / "home", PASSWORD), machine.disk)
        case "s3":
            made = Site(bucket(), home(tmp_path / "home", "access:secret"))
        case _:
            made = Site(bucket(locks=True, lock="1d"), home(tmp_path / "home", "access:secret"))
    yield made
    await made.close()
