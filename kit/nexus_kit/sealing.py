"""Secrets at rest: sealed with AES-256-GCM under keys derived from a module's key encryption key."""

from __future__ import annotations

import hashlib
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

NONCE = 12
KEY_ID = 4


class SealBroken(RuntimeError):
    """What was sealed cannot be opened: another key encryption key, another place, or damage."""


def master_keys(text: str | None, variable: str) -> tuple[bytes, ...]:
    """Key encryption keys, one per line: the first seals, all of them open (for rotation).

    Raises ValueError that names ``variable``, where the file's path comes from.
    """
    keys = tuple(line.strip().encode() for line in (text or "").splitlines() if line.strip())
    if not keys or min(map(len, keys)) < 32:
        raise ValueError(f"{variable} must hold at least 32 characters per line: write a new key")
    return keys


def derive(master: bytes, owner: str, purpose: str) -> bytes:
    """32 bytes for one purpose of a module; knowing them tells nothing of the master key or of others."""
    salt = f"nexus.{owner}".encode()
    return HKDF(algorithm=SHA256(), length=32, salt=salt, info=purpose.encode()).derive(master)


class Sealer:
    """Seals and opens byte strings for one purpose of the module ``owner``."""

    def __init__(self, masters: tuple[bytes, ...], owner: str, purpose: str) -> None:
        keys = [derive(master, owner, purpose) for master in masters]
        self._current = _key_id(keys[0])
        self._boxes = {_key_id(key): AESGCM(key) for key in keys}

    def seal(self, plain: bytes, place: str) -> bytes:
        """Seal `plain`; `place` (table and row) is bound to it, so a sealed value cannot be moved."""
        nonce = os.urandom(NONCE)
        box = self._boxes[self._current]
        return self._current + nonce + box.encrypt(nonce, plain, place.encode())

    def open(self, sealed: bytes, place: str) -> bytes:
        """The plain bytes. Raises SealBroken."""
        key_id, nonce, body = sealed[:KEY_ID], sealed[KEY_ID : KEY_ID + NONCE], sealed[KEY_ID + NONCE :]
        box = self._boxes.get(key_id)
        if box is None:
            raise SealBroken(f"{place} was sealed with a key that is no longer at hand")
        try:
            return box.decrypt(nonce, body, place.encode())
        except InvalidTag as error:
            raise SealBroken(f"{place} does not open: it was altered or moved") from error


def _key_id(key: bytes) -> bytes:
    return hashlib.sha256(b"key id" + key).digest()[:KEY_ID]
