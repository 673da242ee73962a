"""Whatever a client sends, the module answers as its OpenAPI document says."""

import asyncio

from nexus_kit.testing.contract import bombard


async def test_no_generated_request_fails_the_service_or_its_schema(auth):
    sent = await asyncio.to_thread(bombard, auth.process.url, auth.bearer())
    assert sent["POST /api/auth/login"] >= 6
    assert (await auth.call("GET", "/health/ready"))[0] == 200
