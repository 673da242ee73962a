"""The application's long-lived parts, made once for a process."""

from __future__ import annotations

import re
from pathlib import Path

from fastapi import Request
from jinja2 import ChainableUndefined, Environment, FileSystemLoader, StrictUndefined
from nexus_kit import tracing

from nexus_frontend.assets import Assets
from nexus_frontend.bricks import Bricks
from nexus_frontend.companies import Companies
from nexus_frontend.forgery import Signer
from nexus_frontend.gateway import Gateway
from nexus_frontend.session import Sessions
from nexus_frontend.settings import Settings

TEMPLATES = Path(__file__).parent / "templates"
CLIENT = ("x-forwarded-for", "user-agent")
PLAIN = re.compile(r"^[\x20-\x7e]{1,256}$")


class Application:
    """Settings, gateway client, sessions, bricks, templates and static files."""

    def __init__(self, settings: Settings, *, strict: bool = False) -> None:
        """strict: a template that reads what is not there fails; in service a field that a module of
        another release does not send just stays blank."""
        self.settings = settings
        self.bricks = Bricks(settings.bricks)
        self.gateway = Gateway(settings.gateway, self.bricks)
        self.sessions = Sessions(self.gateway)
        self.companies = Companies()
        self.signer = Signer(settings.key)
        self.assets = Assets()
        self.templates = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined if strict else ChainableUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
            extensions=["jinja2.ext.do"],
        )

    def headers(self, request: Request, language: str) -> dict[str, str]:
        """What travels on with each call to the gateway: request id, trace, client and language."""
        sent = {name: value for name in CLIENT if (value := request.headers.get(name)) and PLAIN.match(value)}
        sent["accept-language"] = language
        if request_id := tracing.current_request_id():
            sent["x-request-id"] = request_id
        if trace := tracing.current_trace():
            sent["traceparent"] = trace
        return sent

    async def close(self) -> None:
        """End open connections."""
        await self.bricks.close()
        await self.gateway.close()
