"""Attributes of OTLP as plain values, and what of a resource says whose it is."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import orjson

LONGEST_VALUE = 16 << 10  # characters
MOST_ATTRIBUTES = 128
UNKNOWN_SERVICE = "unknown_service"  # OpenTelemetry's own word for it
_OF_SDKS = ("telemetry.sdk.", "telemetry.auto.", "telemetry.distro.")


@dataclass(frozen=True)
class Origin:
    """Whose telemetry it is. `rest` are the resource's other attributes."""

    service: str
    instance: str
    release: str
    rest: dict[str, Any] = field(default_factory=dict)


def origin(resource: Any) -> Origin:
    """What a Resource says."""
    told = flattened(resource.attributes)
    service = str(told.pop("service.name", "") or UNKNOWN_SERVICE)
    instance = str(told.pop("service.instance.id", ""))
    release = str(told.pop("service.version", ""))
    rest = {key: value for key, value in told.items() if not key.startswith(_OF_SDKS)}
    return Origin(service, instance, release, rest)


def flattened(attributes: Iterable[Any]) -> dict[str, Any]:
    """A list of KeyValue as a dictionary of plain values."""
    found: dict[str, Any] = {}
    for attribute in attributes:
        value = attribute.value
        kind = value.WhichOneof("value")
        if kind == "string_value":
            text = value.string_value
            found[attribute.key] = text if len(text) <= LONGEST_VALUE else text[:LONGEST_VALUE] + "…"
        elif kind == "int_value":
            found[attribute.key] = value.int_value
        else:
            found[attribute.key] = plain(value)
        if len(found) == MOST_ATTRIBUTES:
            break
    return found


def plain(value: Any) -> Any:
    """An AnyValue as JSON knows it; bytes become base 64."""
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    if kind == "array_value":
        return [plain(inner) for inner in value.array_value.values[:MOST_ATTRIBUTES]]
    if kind == "kvlist_value":
        return flattened(value.kvlist_value.values)
    told = getattr(value, kind)
    if kind == "bytes_value":
        return base64.b64encode(told[:LONGEST_VALUE]).decode()
    return told[:LONGEST_VALUE] if kind == "string_value" else told


def text_of(attributes: dict[str, Any]) -> str:
    """The text of a JSON object; "" for none."""
    return orjson.dumps(attributes).decode() if attributes else ""
