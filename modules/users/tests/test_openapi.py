"""Whatever a client sends, the module answers as its OpenAPI document says."""

import asyncio

from nexus_kit.testing.contract import bombard


async def test_no_generated_request_fails_the_service_or_its_schema(users):
    sent = await asyncio.to_thread(bombard, users.process.url, users.bearer())
    assert sent["POST /api/users/invitations"] >= 6
    assert (await users.call("GET", "/health/ready"))[0] == 200
