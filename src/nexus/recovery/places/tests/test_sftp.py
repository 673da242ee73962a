"""What an SFTP place does when the machine is another, does not let it in, or goes away for a while."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import asyncssh
import pytest

from nexus.recovery.errors import PlaceError
from nexus.recovery.places import read_secret, write_secret
from nexus.recovery.places.secrets import secret_file
from nexus.recovery.places.tests.sites import NAME, PASSWORD, SftpMachine, Site, home


@pytest.fixture
async def site(machine: SftpMachine, tmp_path: Path) -> AsyncIterator[Site]:
    made = Site(machine.manifest(), home(tmp_path / "home", PASSWORD), machine.disk)
    yield made
    await made.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(b"order 4711")
    return path


async def test_a_key_lets_in_as_a_password_does(site: Site, machine: SftpMachine, file: Path) -> None:
    write_secret(site.home, NAME, machine.user_key.export_private_key().decode())
    await site.open().put("a", file)
    assert [entry.key for entry in await site.open().entries()] == ["a"]


async def test_another_host_key_is_taken_for_an_attack(site: Site, machine: SftpMachine, file: Path) -> None:
    await site.open().put("a", file)
    await machine.stop()
    machine.host_key = asyncssh.generate_private_key("ssh-ed25519")
    await machine.start()
    with pytest.raises(PlaceError, match=r"another host key.*nothing was sent"):
        await site.open().put("b", file)


@pytest.mark.parametrize(
    ("secret", "told", "said"),
    [
        ("wrong", {}, "does not let nexus in with this password"),
        (
            asyncssh.generate_private_key("ssh-ed25519").export_private_key().decode(),
            {},
            "does not let nexus in with this key",
        ),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nhalf", {}, "private key cannot be read"),
        (PASSWORD, {"host_key": "AAAA"}, "ssh-keyscan"),
        (PASSWORD, {"port": 9}, "cannot be reached.*port 9"),
        (PASSWORD, {"host": "nowhere.invalid"}, "cannot be reached"),
    ],
)
async def test_what_is_wrong_is_said(
    site: Site, file: Path, secret: str, told: dict[str, object], said: str
) -> None:
    write_secret(site.home, NAME, secret)
    site.manifest |= told
    with pytest.raises(PlaceError, match=f"{NAME}.*{said}"):
        await site.open().put("a", file)


async def test_a_machine_that_was_started_again_is_connected_to_again(
    site: Site, machine: SftpMachine, file: Path
) -> None:
    place = site.open()
    await place.put("a", file)
    await machine.stop()
    with pytest.raises(PlaceError, match="cannot be reached"):
        await place.put("b", file)
    await machine.start()
    await asyncio.gather(place.put("b", file), place.entries(), place.put("c", file))
    assert [entry.key for entry in await place.entries()] == ["a", "b", "c"]


async def test_what_is_stored_there_is_private(site: Site, machine: SftpMachine, file: Path) -> None:
    await site.open().put("wal/00000001/a", file)
    for path in (machine.disk / "backups").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)


def test_secrets_are_private_and_a_missing_one_is_said_to_be(site: Site) -> None:
    file = secret_file(site.home, NAME)
    assert read_secret(site.home, NAME) == PASSWORD
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    file.unlink()
    with pytest.raises(PlaceError, match="no secret yet"):
        read_secret(site.home, NAME)
    with pytest.raises(PlaceError, match="empty"):
        write_secret(site.home, NAME, " \n")
