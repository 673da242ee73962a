"""The addresses every module has for its operators: /health/*, /metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST

from nexus_kit.tx import to_bytes

if TYPE_CHECKING:
    from nexus_kit.module import Module


def probes(module: Module) -> APIRouter:
    """Make the router; these addresses are not part of the OpenAPI document and not routed by the gateway."""
    router = APIRouter(include_in_schema=False)
    settings = module.settings
    who = {"service": settings.service, "instance": settings.instance, "release": settings.release}

    @router.get("/health/live")
    async def live() -> Response:
        return _json(200, {"live": True, **who})

    @router.get("/health/ready")
    async def ready() -> Response:
        ok, checks = await module.health.ready()
        return _json(
            200 if ok else 503,
            {"ready": ok, "degraded": not all(c["ok"] for c in checks.values()), **who, "checks": checks},
        )

    @router.get("/health/business")
    async def business() -> Response:
        return _json(200, {**who, **await module.business_health()})

    @router.get("/metrics")
    async def metrics() -> Response:
        module.metrics.connections.labels("used").set(module.db.in_use)
        module.metrics.connections.labels("open").set(module.db.size)
        module.metrics.in_flight.set(module.app.state.in_flight)
        return Response(module.metrics.render(), media_type=CONTENT_TYPE_LATEST)

    return router


def _json(status: int, body: object) -> Response:
    return Response(to_bytes(body), status, media_type="application/json")
