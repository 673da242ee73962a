"""Durations and sizes as people write them: `30s`, `5m`, `256M`."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_BYTES = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3, "T": 1024**4}
_DURATION = re.compile(r"^(\d+(?:\.\d+)?)(ms|s|m|h|d)$")
_SIZE = re.compile(r"^(\d+)\s*([KMGT]?)(?:i?B)?$")


def parse_duration(value: Any) -> float:
    """Return seconds for `30s`, `250ms`, `5m`, `2h`, `1d`, or a plain number of seconds."""
    if isinstance(value, bool):
        raise ValueError(f"{value!r} is not a duration; write it like 30s, 5m or 2h")
    if isinstance(value, int | float):
        if value < 0:
            raise ValueError(f"{value!r} is negative; use 0 or more")
        return float(value)
    match = _DURATION.match(str(value).strip())
    if match is None:
        raise ValueError(f"{value!r} is not a duration; write it like 30s, 5m or 2h")
    return float(match[1]) * _SECONDS[match[2]]


def parse_size(value: Any) -> int:
    """Return bytes for `256M`, `1G`, `64K` (powers of 1024), or a plain number of bytes."""
    if isinstance(value, bool):
        raise ValueError(f"{value!r} is not a size; write it like 256M or 1G")
    if isinstance(value, int):
        if value < 0:
            raise ValueError(f"{value!r} is negative; use 0 or more")
        return value
    match = _SIZE.match(str(value).strip())
    if match is None:
        raise ValueError(f"{value!r} is not a size; write it like 256M or 1G")
    return int(match[1]) * _BYTES[match[2]]


Duration = Annotated[
    float,
    BeforeValidator(parse_duration),
    WithJsonSchema(
        {"anyOf": [{"type": "string", "pattern": _DURATION.pattern}, {"type": "number", "minimum": 0}]}
    ),
]
Size = Annotated[
    int,
    BeforeValidator(parse_size),
    WithJsonSchema(
        {"anyOf": [{"type": "string", "pattern": _SIZE.pattern}, {"type": "integer", "minimum": 0}]}
    ),
]
