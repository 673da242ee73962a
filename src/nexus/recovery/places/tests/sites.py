"""Where places of each kind really are: a folder, an SFTP server, a bucket; on this machine, for tests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncssh
from pydantic import TypeAdapter

from nexus.recovery.places import Pace, Place, open_place, write_secret
from nexus.recovery.places.s3_client import session
from nexus.runtimes.home import Home
from nexus.stack.recovering import PlaceManifest

PASSWORD = "correct horse"
NAME = "second"


class OneUser(asyncssh.SSHServer):
    """Lets in who knows the password; keys are asked of the file that listen() was given."""

    def __init__(self, connections: list[asyncssh.SSHServerConnection]) -> None:
        self._connections = connections

    def connection_made(self, connection: asyncssh.SSHServerConnection) -> None:
        self._connections.append(connection)

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == ("nexus", PASSWORD)


@dataclass
class SftpMachine:
    """A machine that speaks SFTP; `disk` is its whole file system."""

    disk: Path
    host_key: asyncssh.SSHKey = field(default_factory=lambda: asyncssh.generate_private_key("ssh-ed25519"))
    user_key: asyncssh.SSHKey = field(default_factory=lambda: asyncssh.generate_private_key("ssh-ed25519"))
    port: int = 0
    _listener: asyncssh.SSHAcceptor | None = None
    _connections: list[asyncssh.SSHServerConnection] = field(default_factory=list)

    async def start(self) -> None:
        self.disk.mkdir(parents=True, exist_ok=True)
        self._listener = await asyncssh.listen(
            "127.0.0.1",
            self.port,
            server_factory=lambda: OneUser(self._connections),
            server_host_keys=[self.host_key],
            authorized_client_keys=asyncssh.import_authorized_keys(
                self.user_key.export_public_key().decode()
            ),
            sftp_factory=lambda channel: asyncssh.SFTPServer(channel, chroot=bytes(self.disk)),
            allow_scp=False,
        )
        self.port = self._listener.get_port()

    async def stop(self) -> None:
        if self._listener is not None:
            self._listener.close()
            await self._listener.wait_closed()
            self._listener = None
        while self._connections:
            self._connections.pop().abort()

    def manifest(self, **other: Any) -> dict[str, Any]:
        return {
            "kind": "sftp",
            "host": "127.0.0.1",
            "port": self.port,
            "user": "nexus",
            "path": "/backups",
            "host_key": self.host_key.export_public_key().decode().strip(),
            **other,
        }


@dataclass
class Site:
    """A place as `nexus.yaml` tells it, and the home with its secret. `disk`: where its files really are."""

    manifest: dict[str, Any]
    home: Home
    disk: Path | None = None
    _opened: list[Place] = field(default_factory=list)

    def open(self, home: Home | None = None) -> Place:
        """As another process would."""
        place = open_place(NAME, self.told, self.home.root, home or self.home)
        self._opened.append(place)
        return place

    @property
    def told(self) -> PlaceManifest:
        return TypeAdapter(PlaceManifest).validate_python(self.manifest)

    def bucket(self) -> Any:
        """The store's own client, as an attacker with the key has it."""
        return client(self.manifest["endpoint"])

    def half_sent(self) -> int:
        """Bytes that arrived of files that are not whole."""
        if self.disk is None:
            bucket = {"Bucket": self.manifest["bucket"]}
            return sum(
                part["Size"]
                for upload in self.bucket().list_multipart_uploads(**bucket).get("Uploads", ())
                for part in self.bucket()
                .list_parts(**bucket, Key=upload["Key"], UploadId=upload["UploadId"])
                .get("Parts", ())
            )
        return sum(each.stat().st_size for each in self.disk.rglob("*.part"))

    async def close(self) -> None:
        for place in self._opened:
            await place.close()


class Counting(Pace):
    """Tells how many bytes were sent."""

    def __init__(self) -> None:
        super().__init__(None)
        self.sent = 0

    def due(self, size: int) -> float:
        self.sent += size
        return 0.0


def client(endpoint: str) -> Any:
    """boto3's client."""
    return session().client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="access",
        aws_secret_access_key="secret",
    )


def home(folder: Path, secret: str) -> Home:
    """A stack's home that knows the place's secret."""
    made = Home.at(folder)
    made.root.mkdir(parents=True)
    write_secret(made, NAME, secret)
    return made


def tree(folder: Path) -> Iterator[Path]:
    """All files below a folder."""
    return (path for path in folder.rglob("*") if path.is_file())
