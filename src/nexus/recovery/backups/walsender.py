"""A replication connection, as far as base backups need it (manual, 54: message flow, formats, replication).

Blocking, for a thread of its own: what the server sends goes straight into the caller's buffer, which costs
half of what a program between us and a pipe would.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import socket
import struct
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from nexus.postgres import programs
from nexus.recovery.errors import RecoveryFailed

PROTOCOL = 196_608  # 3.0
CONNECTS_WITHIN = 10.0  # seconds
CHUNK = 1 << 20
_MECHANISM = "SCRAM-SHA-256"
_OK, _CLEAR, _SASL, _CONTINUE, _FINAL = 0, 3, 10, 11, 12

Row = tuple[str | None, ...]


@dataclass
class Walsender:
    """The connection. `pid`: the server's process at its other end."""

    _socket: socket.socket
    pid: int = 0
    _head: memoryview = field(default_factory=lambda: memoryview(bytearray(5)))

    @classmethod
    def connect(cls, url: str, application: str) -> Walsender:
        """Connects as the role that `url` names.

        Raises:
            RecoveryFailed: the server is away, or refuses us.
        """
        parts = urlsplit(url)
        user, password = programs.user(parts), unquote(parts.password or "")
        try:
            host, port = parts.hostname or "localhost", parts.port or 5432
            found = cls(socket.create_connection((host, port), CONNECTS_WITHIN))
        except OSError as error:
            raise RecoveryFailed(f"the database cannot be reached ({error}); is it up?") from error
        try:
            told = {"user": user, "replication": "true", "application_name": application}
            text = b"".join(f"{name}\0{value}\0".encode() for name, value in told.items()) + b"\0"
            found._socket.sendall(struct.pack("!ii", len(text) + 8, PROTOCOL) + text)
            found._log_in(password)
            found._socket.settimeout(None)
            found._socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        except OSError as error:
            found.close()
            raise RecoveryFailed(f"the database hung up on us: {error}") from error
        except BaseException:
            found.close()
            raise
        return found

    def send(self, statement: str) -> None:
        """Begins a command of the replication protocol."""
        self._message(b"Q", statement.encode() + b"\0")

    def rows(self) -> list[Row]:
        """The rows of the next result; all of them up to its end, or to where data begins to be copied."""
        found: list[Row] = []
        while True:
            kind, body = self.next()
            if kind == b"D":
                found.append(_row(body))
            elif kind in (b"C", b"H", b"G", b"Z"):
                return found

    def upload(self, data: bytes) -> None:
        """Gives a command that has begun what it wants to read."""
        for at in range(0, len(data), CHUNK):
            self._message(b"d", data[at : at + CHUNK])
        self._message(b"c", b"")

    def until_ready(self) -> None:
        """Waits for the end of a command."""
        while self.next()[0] != b"Z":
            pass

    def next(self) -> tuple[bytes, bytes]:
        """The next message that means something: its kind and what it holds.

        Raises:
            RecoveryFailed: the server says that something went wrong, or hangs up.
        """
        while True:
            kind, length = self.head()
            body = bytearray(length)
            self.fill(memoryview(body))
            if means_something(kind, body):
                return kind, bytes(body)

    def head(self) -> tuple[bytes, int]:
        """The kind of the next message, and how many bytes of it are still to be read."""
        self.fill(self._head)
        return bytes(self._head[:1]), int.from_bytes(self._head[1:], "big") - 4

    def fill(self, into: memoryview) -> None:
        """Reads exactly as many bytes as fit.

        Raises:
            RecoveryFailed: the server hung up.
        """
        read = 0
        while read < len(into):
            try:
                count = self._socket.recv_into(into[read:])
            except OSError as error:
                raise RecoveryFailed(f"the database hung up: {error}") from error
            if not count:
                raise RecoveryFailed("the database hung up; its log says why")
            read += count

    def interrupt(self) -> None:
        """Makes whoever reads stop at once. May be called from any thread."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:  # it is closed already
            return

    def close(self) -> None:
        """Closes the connection; the server ends what it did for it."""
        self._socket.close()

    def _log_in(self, password: str) -> None:
        while True:
            kind, body = self.next()
            if kind == b"R":
                self._prove(int.from_bytes(body[:4], "big"), body[4:], password)
            elif kind == b"K":
                self.pid = int.from_bytes(body[:4], "big")
            elif kind == b"Z":
                return

    def _prove(self, wanted: int, body: bytes, password: str) -> None:
        if wanted == _CLEAR:
            self._message(b"p", password.encode() + b"\0")
        elif wanted == _SASL and _MECHANISM.encode() in body.split(b"\0"):
            self._scram(password)
        elif wanted != _OK:
            raise RecoveryFailed(
                f"the database wants a way to log in that is not known here ({wanted}); "
                "set password_encryption to scram-sha-256 and give the superuser his password anew"
            )

    def _scram(self, password: str) -> None:
        """RFC 5802 and 7677, without channel binding."""
        first = f"n=,r={secrets.token_urlsafe(18)}"
        hello = f"n,,{first}".encode()
        self._message(b"p", _MECHANISM.encode() + b"\0" + struct.pack("!i", len(hello)) + hello)
        server = self._sasl(_CONTINUE)
        told = dict(each.split("=", 1) for each in server.split(","))
        salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(told["s"]), int(told["i"]))
        bare = f"c=biws,r={told['r']}"
        signed = f"{first},{server},{bare}".encode()
        key = _hmac(salted, b"Client Key")
        mask = _hmac(hashlib.sha256(key).digest(), signed)
        proof = base64.b64encode(bytes(a ^ b for a, b in zip(key, mask, strict=True))).decode()
        self._message(b"p", f"{bare},p={proof}".encode())
        expected = base64.b64encode(_hmac(_hmac(salted, b"Server Key"), signed)).decode()
        if not hmac.compare_digest(self._sasl(_FINAL), f"v={expected}"):
            raise RecoveryFailed("whoever answers at the database's address does not know our password")

    def _sasl(self, wanted: int) -> str:
        kind, body = self.next()
        if kind != b"R" or int.from_bytes(body[:4], "big") != wanted:
            raise RecoveryFailed("the database broke off while we logged in")
        return body[4:].decode()

    def _message(self, kind: bytes, body: bytes) -> None:
        try:
            self._socket.sendall(kind + struct.pack("!i", len(body) + 4) + body)
        except OSError as error:
            raise RecoveryFailed(f"the database hung up: {error}") from error


def means_something(kind: bytes, body: bytes | bytearray) -> bool:
    """Whether a message is more than a notice.

    Raises:
        RecoveryFailed: it is an error; its text is told.
    """
    if kind == b"E":
        raise RecoveryFailed(f"the database says: {_said(bytes(body))}")
    return kind not in (b"N", b"S")


def _hmac(key: bytes, text: bytes) -> bytes:
    return hmac.digest(key, text, "sha256")


def _row(body: bytes) -> Row:
    """A DataRow's values as text."""
    values: list[str | None] = []
    at = 2
    for _ in range(int.from_bytes(body[:2], "big")):
        length = int.from_bytes(body[at : at + 4], "big", signed=True)
        at += 4
        values.append(None if length < 0 else body[at : at + length].decode())
        at += max(0, length)
    return tuple(values)


def _said(body: bytes) -> str:
    """An error's message, and its detail and hint where it has them."""
    told = {part[:1]: part[1:].decode(errors="replace") for part in body.split(b"\0") if part}
    return "; ".join(told[each] for each in (b"M", b"D", b"H") if each in told)
