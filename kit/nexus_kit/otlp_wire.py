"""Spans in OTLP's protobuf encoding (https://opentelemetry.io/docs/specs/otlp/), written field by field.

A span is encoded a thousand times a second beside the work it tells of, and the generated classes of
opentelemetry-proto take five times as long (bench/spans.py); tests read the result with those classes.
Wire format: https://protobuf.dev/programming-guides/encoding/. Tags are (field number << 3 | wire type).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from struct import Struct
from typing import Any

from nexus_kit.spans import Link, Moment, Span

LONGEST_TEXT = 1024
STATUS_ERROR = b"\x18\x02"
SAMPLED = b"\x85\x01\x01\x00\x00\x00"  # flags

_ONE_BYTE = [bytes([number]) for number in range(128)]
_times = Struct("<BQBQ").pack
_time = Struct("<BQ").pack
_double = Struct("<Bd").pack


def export_request(resource: bytes, spans: Iterable[Span]) -> bytes:
    """Return an ExportTraceServiceRequest of one resource (see ``resource``) and its spans."""
    scope = _field(b"\x0a", _field(b"\x0a", b"nexus_kit"))
    return _field(b"\x0a", resource + _field(b"\x12", scope + b"".join([_span(span) for span in spans])))


def resource(attributes: Mapping[str, Any]) -> bytes:
    """Return the resource that spans come from, to be given to ``export_request``."""
    return _field(b"\x0a", _attributes(b"\x0a", attributes))


def _span(span: Span) -> bytes:
    parts = [
        b"\x0a\x10" + bytes.fromhex(span.trace_id) + b"\x12\x08" + bytes.fromhex(span.span_id),
        b"\x22\x08" + bytes.fromhex(span.parent_id) if span.parent_id else b"",
        _field(b"\x2a", _text(span.name)),
        b"\x30" + _ONE_BYTE[span.kind] + _times(0x39, span.started, 0x41, span.ended),
        _attributes(b"\x4a", span.attributes),
    ]
    if span.moments:
        parts += [_moment(moment) for moment in span.moments]
    if span.links:
        parts += [_link(link) for link in span.links]
    if span.error:
        parts.append(_field(b"\x7a", _field(b"\x12", _text(span.error)) + STATUS_ERROR))
    parts.append(SAMPLED)
    return _field(b"\x12", b"".join(parts))


def _moment(moment: Moment) -> bytes:
    name = _field(b"\x12", _text(moment.name))
    return _field(b"\x5a", _time(0x09, moment.at) + name + _attributes(b"\x1a", moment.attributes))


def _link(link: Link) -> bytes:
    ids = b"\x0a\x10" + bytes.fromhex(link.trace_id) + b"\x12\x08" + bytes.fromhex(link.span_id)
    return _field(b"\x6a", ids + _attributes(b"\x22", link.attributes))


def _attributes(tag: bytes, attributes: Mapping[str, Any]) -> bytes:
    """Key-value pairs, each under ``tag``; what has no value is left out."""
    return b"".join(
        [
            _field(tag, _key(name) + _field(b"\x12", _value(value)))
            for name, value in attributes.items()
            if value is not None
        ]
    )


@lru_cache(maxsize=1024)
def _key(name: str) -> bytes:
    return _field(b"\x0a", _text(name))


def _value(value: Any) -> bytes:
    """An AnyValue: text, truth, a whole number of 64 bits or a number; anything else as text."""
    if isinstance(value, str):
        return _field(b"\x0a", _text(value))
    if isinstance(value, bool):
        return b"\x10\x01" if value else b"\x10\x00"
    if isinstance(value, int) and -(2**63) <= value < 2**63:
        return b"\x18" + _varint(value & 0xFFFF_FFFF_FFFF_FFFF)
    if isinstance(value, float):
        return _double(0x21, value)
    return _field(b"\x0a", _text(str(value)))


def _text(text: str) -> bytes:
    """Cut off what is too long, and replace what UTF-8 cannot carry."""
    return text[:LONGEST_TEXT].encode("utf-8", "replace")


def _field(tag: bytes, content: bytes) -> bytes:
    size = len(content)
    return tag + (_ONE_BYTE[size] if size < 128 else _varint(size)) + content


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)
