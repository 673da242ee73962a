"""The module's HTTP application: pages, static files, and what is said when something goes wrong."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from nexus_kit import Module
from starlette.exceptions import HTTPException
from starlette.responses import Response

from nexus_frontend.application import Application
from nexus_frontend.headers import SecurityHeaders
from nexus_frontend.pages import (
    account,
    closes,
    customers,
    dashboard,
    entrance,
    invoices,
    leads,
    ledger,
    order_editor,
    orders,
    payments,
    people,
    products,
    roles,
    search,
    shipments,
    stock,
)
from nexus_frontend.problems import ApiProblem, BrickDown, SignInNeeded
from nexus_frontend.settings import read_settings
from nexus_frontend.troubles import crashed, missing, refused, signed_out, unreadable

PAGES = (
    entrance,
    dashboard,
    search,
    customers,
    leads,
    products,
    stock,
    order_editor,
    orders,
    shipments,
    invoices,
    payments,
    ledger,
    closes,
    people,
    roles,
    account,
)


def install(app: FastAPI, application: Application) -> None:
    """Put the pages on a FastAPI application."""
    app.state.application = application
    app.include_router(application.assets.router())
    for page in PAGES:
        app.include_router(page.router, include_in_schema=False)
    handlers: tuple[tuple[Any, Any], ...] = (
        (SignInNeeded, signed_out),
        (ApiProblem, refused),
        (BrickDown, refused),
        (HTTPException, missing),
        (RequestValidationError, unreadable),
        (Exception, crashed),
    )
    for kind, handler in handlers:
        app.add_exception_handler(kind, handler)
    app.add_middleware(SecurityHeaders)


module = Module("frontend")
application = Application(read_settings())
install(module.app, application)


@module.lifespan
@asynccontextmanager
async def connections() -> AsyncIterator[None]:
    """Close what the application opened."""
    try:
        yield
    finally:
        await application.close()


async def favicon(request: Request) -> Response:
    """Browsers that ask for it at the old place."""
    return Response(status_code=301, headers={"Location": application.assets.url("icon.svg")})


module.app.add_route("/favicon.ico", favicon, include_in_schema=False)
