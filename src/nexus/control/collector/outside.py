"""What the collector answers on 127.0.0.1: OTLP from whoever runs here, and metrics for a token."""

from __future__ import annotations

import hmac
import secrets
from typing import TYPE_CHECKING

from aiohttp import web

from nexus.control.collector.federating import federate
from nexus.runtimes.home import Home

if TYPE_CHECKING:
    from nexus.control.collector.collector import Collector

TOKEN = "metrics_token"


def token(home: Home) -> str:
    """What a Prometheus must say to read the metrics; made at the first question for it."""
    path = home.secret("telemetry", TOKEN)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(32) + "\n")
    return path.read_text().strip()


def outside(collector: Collector) -> web.Application:
    """The application on the loopback port."""
    app = web.Application(client_max_size=8 << 20)
    app.add_routes(collector.receiver.routes())
    expected = f"Bearer {token(collector.home)}".encode()

    async def metrics(request: web.Request) -> web.StreamResponse:
        said = request.headers.get("Authorization", "").encode()
        if not hmac.compare_digest(said, expected):
            return web.json_response(
                {"error": f"send the token in {collector.home.secret('telemetry', TOKEN)} as a bearer token"},
                status=401,
                headers={"WWW-Authenticate": "Bearer"},
            )
        return await federate(collector, request)

    app.router.add_get("/metrics", metrics)
    return app
