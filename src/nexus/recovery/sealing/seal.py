"""One file: compressed (Zstandard, RFC 8878), then encrypted (age, age-encryption.org/v1).

Within, before the data, stands the key it is stored under: a file that was renamed or put in another's
place is found out like one whose bits were changed, which age's own authentication (ChaCha20-Poly1305) finds.
"""

from __future__ import annotations

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
    if keys.identity is None:
        raise WrongKey("no secret key is at hand; give the one of the recovery kit")
    if not sealed.startswith(_AGE):
        raise Damaged(f"{key}: it does not begin as a sealed file does")
    try:
        plain = pyrage.decrypt(sealed, [x25519.Identity.from_str(keys.identity)])
    except DecryptError as error:
        if _NOT_FOR_US in str(error):
            raise WrongKey(
                f"{key} was sealed for another key, or its head is damaged; compare the key with the "
                "recovery kit"
            ) from error
        raise Damaged(f"{key}: its bytes were changed ({error})") from error
    head, found, body = plain.partition(b"\n")
    if not found or head != _HEAD + key.encode():
        raise Damaged(f"{key}: it holds {head[len(_HEAD) :].decode(errors='replace')!r} instead")
    try:
        return zstd.decompress(body)
    except zstd.ZstdError as error:
        raise Damaged(f"{key}: it cannot be unpacked ({error})") from error
