"""Signatures for what travels through the browser: anti-forgery tokens and one-time notices."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

import orjson


class Signer:
    """Signs with the application's key, so that every instance accepts what another one gave out."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def mark(self, purpose: str, text: str) -> str:
        """A signature of the text, good for one purpose only."""
        digest = hmac.new(self._key, f"{purpose}\0{text}".encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest[:24]).decode()

    def matches(self, purpose: str, text: str, mark: str) -> bool:
        """Is this the text's signature?"""
        return hmac.compare_digest(self.mark(purpose, text).encode(), mark.encode())

    def seal(self, purpose: str, value: object) -> str:
        """A value as signed text, fit for a cookie."""
        text = base64.urlsafe_b64encode(orjson.dumps(value)).decode()
        return f"{text}.{self.mark(purpose, text)}"

    def unseal(self, purpose: str, sealed: str) -> object:
        """The value back, or None when the text was not sealed here."""
        text, _, mark = sealed.rpartition(".")
        if not text or not self.matches(purpose, text, mark):
            return None
        return orjson.loads(base64.urlsafe_b64decode(text))


def visitor_id() -> str:
    """A fresh random name for a browser, to which anti-forgery tokens are bound."""
    return secrets.token_urlsafe(18)
