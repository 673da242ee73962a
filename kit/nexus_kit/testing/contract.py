"""A module against its own OpenAPI document, with requests that schemathesis makes up."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from nexus_kit.contracts.document import as_text
from nexus_kit.testing.module_process import ModuleProcess

MEND = "write it anew: PYTHONPATH=kit .venv/bin/python -m nexus_kit.contracts {folder}"

CHECKS = [
    schemathesis.checks.not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


async def assert_written(module: ModuleProcess) -> None:
    """Fail when contracts/openapi.json of the module's folder is not the document that it serves."""
    async with module.http.get("/openapi.json") as answer:
        served = await answer.json()
    file = module.folder / "contracts" / "openapi.json"
    assert file.read_text() == as_text(served), MEND.format(folder=module.folder)


def bombard(url: str, headers: dict[str, str], examples: int = 6) -> Counter[str]:
    """Send `examples` right and `examples` wrong requests to every operation of the module at `url`.

    Fails when an answer is a 5xx or not as documented, and when an operation got no request at all. Always
    the same requests. Returns how many each operation got. Blocks: call it in a thread.
    """
    sent: Counter[str] = Counter()
    some = settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    document = schemathesis.openapi.from_url(f"{url}/openapi.json")
    for operation in [found.ok() for found in document.get_all_operations()]:
        for mode in GenerationMode:

            @some
            @given(case=operation.as_strategy(generation_mode=mode))
            def call(case: Case) -> None:
                sent[case.operation.label] += 1
                case.call_and_validate(base_url=url, headers=headers, checks=CHECKS, timeout=20)

            # An operation without any input has no wrong input either.
            with suppress(Unsatisfiable):
                call()
        assert sent[operation.label], f"no request could be made up for {operation.label}"
    return sent
