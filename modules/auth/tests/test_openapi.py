"""Whatever a client sends, the module answers as its OpenAPI document says."""

import asyncio
from contextlib import suppress

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
FEW = settings(
    max_examples=12,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def explore(url: str, headers: dict[str, str]) -> list[str]:
    """Send generated requests to every operation; returns the operations tried."""
    document = schemathesis.openapi.from_url(f"{url}/openapi.json")
    operations = [found.ok() for found in document.get_all_operations()]
    for operation in operations:
        for mode in schemathesis.GenerationMode:

            @FEW
            @given(case=operation.as_strategy(generation_mode=mode))
            def attempt(case: schemathesis.Case) -> None:
                case.call_and_validate(headers=headers, checks=CHECKS)

            # An operation without any input has no wrong input either.
            with suppress(Unsatisfiable):
                attempt()
    return [operation.label for operation in operations]


async def test_no_generated_request_fails_the_service_or_its_schema(auth):
    tried = await asyncio.to_thread(explore, auth.process.url, auth.bearer())
    assert "POST /api/auth/login" in tried
    assert (await auth.call("GET", "/health/ready"))[0] == 200
