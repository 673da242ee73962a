"""The browser's cookies: all HttpOnly, SameSite, and Secure when the visitor came over TLS."""

from __future__ import annotations

from fastapi import Request
from starlette.responses import Response

ACCESS, REFRESH = "nexus_at", "nexus_rt"
VISITOR, LANGUAGE, FLASH = "nexus_visitor", "nexus_lang", "nexus_notice"


class Jar:
    """Reads the cookies that came and remembers those to send with whatever answer is given."""

    def __init__(self, request: Request) -> None:
        self._came = request.cookies
        self._secure = request.headers.get("x-forwarded-proto", request.url.scheme) == "https"
        self._sent: dict[str, tuple[str, int | None]] = {}

    def get(self, name: str) -> str:
        """A cookie as it stands for this request; empty when there is none."""
        return self._came.get(name, "")

    def put(self, name: str, value: str, seconds: int | None = None) -> None:
        """Send a cookie; without a lifetime it ends with the browser."""
        self._sent[name] = (value, seconds)

    def drop(self, *names: str) -> None:
        """Remove cookies."""
        for name in names:
            self._sent[name] = ("", 0)

    def write(self, response: Response) -> None:
        """Put the cookies on the answer."""
        for name, (value, seconds) in self._sent.items():
            response.set_cookie(
                name, value, max_age=seconds, path="/", httponly=True, samesite="lax", secure=self._secure
            )
