"""Who is calling: the address and the browser of a request."""

import hashlib
import ipaddress
from dataclasses import dataclass

from fastapi import Request


@dataclass(frozen=True)
class Client:
    """address: the client's IP as the edge saw it; None when the call came from this machine itself."""

    address: str | None
    user_agent: str

    @property
    def fingerprint(self) -> bytes:
        """Equal for two requests of one client."""
        return hashlib.sha256(f"{self.address}\n{self.user_agent}".encode()).digest()


def client_of(request: Request) -> Client:
    """Dependency: the calling client.

    The edge sets X-Forwarded-For and proxies append to it, so the nearest address that is not this machine's
    own is the client; what stands before it may be invented by the client and is ignored.
    """
    peer = request.client.host if request.client else ""
    hops = [*request.headers.get("x-forwarded-for", "").split(","), peer]
    return Client(_nearest(hops), request.headers.get("user-agent", "")[:300])


def _nearest(hops: list[str]) -> str | None:
    for hop in reversed(hops):
        try:
            address = ipaddress.ip_address(hop.strip())
        except ValueError:
            continue
        if not address.is_loopback:
            return str(address)
    return None
