"""The connection to a machine that speaks SFTP: made when it is needed, made again when it is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple, TypeVar

import asyncssh

from nexus.recovery.errors import Missing, PlaceError
from nexus.recovery.places.telling import no_room
from nexus.stack.recovering import SftpPlace

T = TypeVar("T")

CONNECT, LOGIN, ALIVE, PATIENCE = 10.0, 20.0, 10.0, 300.0  # seconds
LOST = (
    asyncssh.ConnectionLost,
    asyncssh.DisconnectError,
    asyncssh.SFTPConnectionLost,
    asyncssh.SFTPNoConnection,
    asyncssh.ChannelOpenError,
    ConnectionError,
)
_GONE = (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath)
_FULL = (asyncssh.SFTPNoSpaceOnFilesystem, asyncssh.SFTPQuotaExceeded)


class Line(NamedTuple):
    """A client, and until when it is waited for."""

    client: asyncssh.SFTPClient
    limit: asyncio.Timeout

    def moved(self) -> None:
        """Something arrived: the patience begins anew."""
        self.limit.reschedule(asyncio.get_running_loop().time() + PATIENCE)


class SftpSession:
    """Of the place `name`. `secret` gives a private key (OpenSSH, PEM; no passphrase) or a password."""

    def __init__(self, name: str, manifest: SftpPlace, secret: Callable[[], str]) -> None:
        self._name = name
        self._manifest = manifest
        self._secret = secret
        self._lock = asyncio.Lock()
        self._connection: asyncssh.SSHClientConnection | None = None
        self._client: asyncssh.SFTPClient | None = None

    @property
    def address(self) -> str:
        """As people know it."""
        told = self._manifest
        return f"{told.user}@{told.host}:{told.port}"

    async def run(self, key: str, work: Callable[[Line], Awaitable[T]]) -> T:
        """What `work` gives. Where the line breaks it is made once more on a new one: it must go on, or begin
        again, by itself.

        Raises:
            Missing, NoRoom, PlaceError: it cannot be done; `key` is what it is about.
        """
        client = await self._ready()
        try:
            return await self._once(key, work, client)
        except LOST:
            await self._drop(client)
        client = await self._ready()
        try:
            return await self._once(key, work, client)
        except LOST as error:
            await self._drop(client)
            raise self._fault(f"the connection was lost ({error}); is the line well?") from error

    async def close(self) -> None:
        """Lets go of the connection."""
        connection, self._connection, self._client = self._connection, None, None
        if connection is not None:
            connection.abort()
            await connection.wait_closed()

    async def _once(self, key: str, work: Callable[[Line], Awaitable[T]], client: asyncssh.SFTPClient) -> T:
        try:
            async with asyncio.timeout(PATIENCE) as limit:
                return await work(Line(client, limit))
        except TimeoutError as error:
            await self._drop(client)
            raise self._fault(f"{key}: no answer for {PATIENCE:.0f} s; is the line well?") from error
        except LOST:
            raise
        except _GONE as error:
            raise Missing(f"place {self._name} ({self.address}) has no {key} ({error.reason})") from error
        except _FULL as error:
            raise no_room(self._name, self.address, key, None, None) from error
        except asyncssh.SFTPPermissionDenied as error:
            raise self._fault(
                f"{key}: permission denied; let {self._manifest.user} write to {self._manifest.path} there"
            ) from error
        except asyncssh.SFTPError as error:
            raise self._fault(f"{key}: {error.reason}") from error

    async def _drop(self, client: asyncssh.SFTPClient) -> None:
        """Lets go of a connection, unless another has taken its place."""
        if self._client is client:
            await self.close()

    async def _ready(self) -> asyncssh.SFTPClient:
        async with self._lock:
            if self._client is None:
                self._client = await self._connect()
            return self._client

    async def _connect(self) -> asyncssh.SFTPClient:
        told = self._manifest
        pinned, key, password = self._pinned(), *self._credentials()
        try:
            self._connection = await asyncssh.connect(
                told.host,
                told.port,
                username=told.user,
                known_hosts=([pinned], [], []),
                client_keys=[key] if key else None,
                password=password,
                preferred_auth=("publickey",) if key else ("password", "keyboard-interactive"),
                agent_path=None,
                config=None,
                connect_timeout=CONNECT,
                login_timeout=LOGIN,
                keepalive_interval=ALIVE,
            )
            return await self._connection.start_sftp_client()
        except asyncssh.HostKeyNotVerifiable as error:
            raise self._fault(
                "the machine shows another host key than nexus.yaml pins (host_key): it was set up anew, or "
                "somebody stands in between. Compare it there (ssh-keygen -lf "
                "/etc/ssh/ssh_host_ed25519_key.pub) before you change host_key; nothing was sent"
            ) from error
        except asyncssh.PermissionDenied as error:
            raise self._fault(
                f"it does not let {told.user} in with this {'key' if key else 'password'}; set the place's "
                "secret again, or add the key to authorized_keys there"
            ) from error
        except (OSError, asyncssh.Error, TimeoutError) as error:
            said = str(error) or "no answer"
            raise self._fault(
                f"it cannot be reached ({said}); is it up, is port {told.port} open?"
            ) from error

    def _pinned(self) -> asyncssh.SSHKey:
        try:
            return asyncssh.import_public_key(self._manifest.host_key)
        except (asyncssh.KeyImportError, ValueError) as error:
            raise self._fault(
                f"host_key in nexus.yaml is no public key ({error}); write it as `ssh-keyscan -t ed25519 "
                f"{self._manifest.host}` prints it, without the host's name: ssh-ed25519 AAAA…"
            ) from error

    def _credentials(self) -> tuple[asyncssh.SSHKey | None, str | None]:
        secret = self._secret()
        if not secret.startswith("-----BEGIN"):
            return None, secret
        try:
            return asyncssh.import_private_key(secret), None
        except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError, ValueError) as error:
            raise self._fault(
                f"its private key cannot be read ({error}); give one without a passphrase: "
                "ssh-keygen -t ed25519 -N ''"
            ) from error

    def _fault(self, said: str) -> PlaceError:
        return PlaceError(f"place {self._name} ({self.address}): {said}")
