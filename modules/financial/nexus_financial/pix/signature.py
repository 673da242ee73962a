"""How the PSP signs its webhooks: HMAC-SHA256 over the body, in hexadecimal."""

import hashlib
import hmac

HEADER = "X-Pix-Signature"


def sign(body: bytes, secret: bytes) -> str:
    """The signature of `body`."""
    return hmac.new(secret, body, hashlib.sha256).hexdigest()


def genuine(body: bytes, signature: str | None, secret: bytes) -> bool:
    """Whether `signature` was made of this body with our secret (compared in constant time)."""
    if not signature:
        return False
    return hmac.compare_digest(sign(body, secret).encode(), signature.strip().lower().encode())
