"""Answers as JSON."""

from __future__ import annotations

from typing import Any

import orjson


def encoded(answer: Any) -> bytes:
    """JSON: times as ISO 8601 in UTC with a `Z`; NaN and infinities become null; what JSON has no form for
    becomes text.
    """
    return orjson.dumps(answer, default=str, option=orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS)


def decoded(text: bytes) -> Any:
    """What `encoded` wrote, with times and such as texts."""
    return orjson.loads(text)
