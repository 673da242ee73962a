"""One file: compressed (Zstandard, RFC 8878), then encrypted (age, age-encryption.org/v1).

Within, before the data, stands the key it is stored under: a file that was renamed or put in another's
place is found out like one whose bits were changed, which age's own authentication (ChaCha20-Poly1305) finds.
"""

from __future__ import annotations

import mmap
import sys

import pyrage  # type: ignore[import-untyped]
from pyrage import DecryptError, x25519

from nexus.recovery.errors import Damaged, WrongKey
from nexus.recovery.sealing.keys import Keys

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

LEVEL = 1
FAST = -3  # half as much work, a fifth more bytes
PIECE = 256 << 10  # bytes; they stay in the processor's cache
_HEAD = b"nexus 1 "
_AGE = b"age-encryption.org/v1\n"
_NOT_FOR_US = "No matching keys found"


def seal(key: str, data: bytes | memoryview, keys: Keys, level: int = LEVEL) -> bytes:
    """Seals what is to be stored under `key`. `level`: Zstandard's, negative ones are faster.

    Raises:
        WrongKey: a recipient is none.
    """
    try:
        recipients = [x25519.Recipient.from_str(each) for each in keys.recipients]
    except pyrage.RecipientError as error:
        raise WrongKey(f"a public key cannot be read: {error}") from error
    head = _HEAD + key.encode() + b"\n"
    return bytes(pyrage.encrypt(head + zstd.compress(data, level), recipients))


def unseal(key: str, sealed: bytes, keys: Keys) -> bytes:
    """What was sealed under `key`.

    Raises:
        Damaged: it is not what was sealed, or was sealed under another key.
        WrongKey: it was sealed for others.
    """
    try:
        return zstd.decompress(_opened(key, sealed, keys))
    except zstd.ZstdError as error:
        raise _unpackable(key, error) from error


def unseal_into(key: str, sealed: bytes, keys: Keys, into: mmap.mmap) -> int:
    """Writes what was sealed under `key` into a buffer, piece by piece; returns how many bytes it is. Much
    faster than through bytes of its own, whose memory the system would clear first.

    Raises:
        Damaged: as `unseal` does, and where it is larger than the buffer.
        WrongKey: it was sealed for others.
    """
    body: memoryview | bytes = _opened(key, sealed, keys)
    unpacker, at = zstd.ZstdDecompressor(), 0
    try:
        while not unpacker.eof:
            piece = unpacker.decompress(body, PIECE)
            body = b""
            if not piece and unpacker.needs_input:
                raise Damaged(f"{key}: it cannot be unpacked (it ends too early)")
            if at + len(piece) > len(into):
                raise Damaged(f"{key}: it holds more than {len(into)} bytes, more than any piece has")
            into[at : at + len(piece)] = piece
            at += len(piece)
    except zstd.ZstdError as error:
        raise _unpackable(key, error) from error
    return at


def _opened(key: str, sealed: bytes, keys: Keys) -> memoryview:
    """What was encrypted, still compressed."""
    if not keys.identities:
        raise WrongKey("no secret key is at hand; give the one of the recovery kit")
    if not sealed.startswith(_AGE):
        raise Damaged(f"{key}: it does not begin as a sealed file does")
    try:
        plain = pyrage.decrypt(sealed, [x25519.Identity.from_str(each) for each in keys.identities])
    except DecryptError as error:
        if _NOT_FOR_US in str(error):
            raise WrongKey(
                f"{key} was sealed for another key, or its head is damaged; compare the key with the "
                "recovery kit"
            ) from error
        raise Damaged(f"{key}: its bytes were changed ({error})") from error
    end = plain.find(b"\n")
    if end < 0 or plain[:end] != _HEAD + key.encode():
        head = plain[: end if end >= 0 else len(plain)][len(_HEAD) :]
        raise Damaged(f"{key}: it holds {head.decode(errors='replace')!r} instead")
    return memoryview(plain)[end + 1 :]


def _unpackable(key: str, error: Exception) -> Damaged:
    return Damaged(f"{key}: it cannot be unpacked ({error})")
