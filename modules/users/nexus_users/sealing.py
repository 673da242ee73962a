"""Secrets at rest: AES-256-GCM under a key derived from the module's mail key."""

import os

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

NONCE = 12


class Sealer:
    """Seals and opens what waits in outgoing mail."""

    def __init__(self, secret: str | None) -> None:
        if not secret or len(secret) < 32:
            raise ValueError("MAIL_KEY_FILE must hold at least 32 characters: write a new key")
        key = HKDF(algorithm=SHA256(), length=32, salt=b"nexus.users", info=b"outgoing mail")
        self._box = AESGCM(key.derive(secret.encode()))

    def seal(self, plain: bytes, place: str) -> bytes:
        """Seal `plain`; `place` (table and row) is bound to it, so a sealed value cannot be moved."""
        nonce = os.urandom(NONCE)
        return nonce + self._box.encrypt(nonce, plain, place.encode())

    def open(self, sealed: bytes, place: str) -> bytes:
        """The plain bytes. Raises InvalidTag when the value was altered, moved or sealed with another key."""
        return self._box.decrypt(sealed[:NONCE], sealed[NONCE:], place.encode())
