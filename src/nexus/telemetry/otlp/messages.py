"""The bytes of an OTLP request -> its message, whichever of the two encodings they came in.

Undecodable            the bytes are no such request; the message says why
"""

from __future__ import annotations

import base64
import binascii
import zlib
from typing import Any, Literal

import orjson
from google.protobuf import json_format  # type: ignore[import-untyped]
from google.protobuf.message import DecodeError, Message  # type: ignore[import-untyped]
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

OtlpSignal = Literal["traces", "logs", "metrics"]

PROTOBUF = "application/x-protobuf"
JSON = "application/json"
LARGEST = 8 << 20  # bytes of a request, unpacked
DEEPEST = 64  # levels of JSON

REQUESTS: dict[OtlpSignal, type[Message]] = {
    "traces": ExportTraceServiceRequest,
    "logs": ExportLogsServiceRequest,
    "metrics": ExportMetricsServiceRequest,
}
RESPONSES: dict[OtlpSignal, type[Message]] = {
    "traces": ExportTraceServiceResponse,
    "logs": ExportLogsServiceResponse,
    "metrics": ExportMetricsServiceResponse,
}
# OTLP's JSON writes these in hexadecimal, where Protobuf's own JSON writes bytes in base 64.
_IDS = frozenset({"traceId", "spanId", "parentSpanId", "trace_id", "span_id", "parent_span_id"})


class Undecodable(ValueError):
    """These bytes are no OTLP request."""


def parse(signal: OtlpSignal, payload: bytes, content_type: str, encoding: str = "") -> Any:
    """Return the request in `payload`. `encoding` is "gzip" or "".

    Raises:
        Undecodable: it is none, or unpacks to more than 8 MiB.
    """
    if encoding == "gzip":
        payload = _unpacked(payload)
    kind = REQUESTS[signal]
    try:
        if content_type == JSON:
            told = _with_bytes(orjson.loads(payload), DEEPEST)
            return json_format.ParseDict(told, kind(), ignore_unknown_fields=True)
        return kind.FromString(payload)
    except (DecodeError, json_format.ParseError, orjson.JSONDecodeError, TypeError, ValueError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise Undecodable(f"the body is no {kind.__name__}: {reason[:200]}") from error


def _unpacked(payload: bytes) -> bytes:
    unpacking = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        plain = unpacking.decompress(payload, LARGEST + 1)
    except zlib.error as error:
        raise Undecodable(f"the body is no gzip: {error}") from error
    if len(plain) > LARGEST:
        raise Undecodable(f"the body unpacks to more than {LARGEST} bytes")
    if not unpacking.eof:
        raise Undecodable("the body's gzip ends too early")
    return plain


def _with_bytes(value: Any, levels: int) -> Any:
    """A JSON value with its hexadecimal ids in base 64."""
    if not levels:
        raise ValueError("nested too deeply")
    if isinstance(value, dict):
        return {
            key: _base64(inner) if key in _IDS and isinstance(inner, str) else _with_bytes(inner, levels - 1)
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [_with_bytes(inner, levels - 1) for inner in value]
    return value


def _base64(text: str) -> str:
    try:
        return base64.b64encode(bytes.fromhex(text)).decode()
    except (ValueError, binascii.Error):
        raise ValueError(f"{text[:40]!r} is not hexadecimal") from None
