"""How public operations document their refusals; operations that need a token have these already."""

from typing import Any

_CONTENT = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}


def refusals(texts: dict[int, str]) -> dict[int | str, dict[str, Any]]:
    """OpenAPI responses for these statuses, each a problem."""
    return {status: {"description": text, "content": _CONTENT} for status, text in texts.items()}
