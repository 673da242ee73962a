"""The real process answers whatever its OpenAPI document allows, and much that it does not, as documented."""

import asyncio

import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import Case, GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from .conftest import Books

CHECKS = [
    schemathesis.checks.not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
EXAMPLES = 8


def bombard(url: str, headers: dict[str, str]) -> int:
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json")
    called = 0
    for result in schema.get_all_operations():
        operation = result.ok()
        can_be_wrong = operation.body or operation.query
        for mode in GenerationMode if can_be_wrong else [GenerationMode.POSITIVE]:

            @seed(1)
            @settings(
                max_examples=EXAMPLES,
                deadline=None,
                database=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            @given(case=operation.as_strategy(generation_mode=mode))
            def call(case: Case) -> None:
                nonlocal called
                called += 1
                case.call_and_validate(base_url=url, headers=headers, checks=CHECKS, timeout=20)

            call()
    return called


async def test_no_request_breaks_the_module_or_its_contract(books: Books) -> None:
    await books.paid_order()
    await books.open_invoice()
    assert await asyncio.to_thread(bombard, books.module.url, books.headers) > 100
