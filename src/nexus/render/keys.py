"""The script by which a gateway in a container fetches the keys that verify tokens."""

from __future__ import annotations

import base64
import hashlib

from nexus.render.haproxy import KeySlots
from nexus.render.templating import plain, templates

EVERY_S = 5


def keys_script(url: str, slots: KeySlots, master: str) -> str:
    """Return keys.lua: asks `url` (a JWKS document) every 5 s, writes the keys into the slots' folder, and
    has the proxy reload itself over its `master` socket when they changed. Pure.
    """
    return (
        templates()
        .get_template("keys.lua.j2")
        .render(
            url=plain("jwks url", url),
            folder=plain("keys folder", slots.folder),
            master=plain("master socket", master),
            slots=slots.count,
            every=EVERY_S,
            nobody=_nobodys_modulus(),
        )
    )


def _nobodys_modulus() -> str:
    """A number of 2048 bits in base64url for the slots without a key: derived from a text, so it was made
    without any private half; and no token is ever compared with it.
    """
    digest = b"".join(hashlib.sha256(b"nexus: a slot without a key %d" % n).digest() for n in range(8))
    number = bytes([digest[0] | 0x80]) + digest[1:-1] + bytes([digest[-1] | 1])
    return base64.urlsafe_b64encode(number).rstrip(b"=").decode()
