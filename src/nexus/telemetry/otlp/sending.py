"""One request to an OTLP/HTTP endpoint, and what its answer means."""

from __future__ import annotations

import asyncio
import email.utils
import time
import zlib
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from google.protobuf.message import DecodeError, Message  # type: ignore[import-untyped]
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]

from nexus.telemetry.otlp.messages import PROTOBUF, RESPONSES, OtlpSignal

PATIENCE = 30.0  # seconds
RETRYABLE = frozenset({408, 429, 502, 503, 504})  # as the protocol has it, and 408
LONGEST_ANSWER = 64 << 10
LONGEST_WAIT = 600.0  # seconds
LEVEL = 5  # of gzip


@dataclass(frozen=True)
class Outcome:
    """`kept`: the endpoint has it. Else it is to be sent `again`, not before `wait` seconds, or never.
    `refused` rows of what was kept were not taken.
    """

    kept: bool
    again: bool = False
    wait: float = 0.0
    refused: int = 0
    too_large: bool = False
    said: str = ""


async def send(
    session: aiohttp.ClientSession, endpoint: str, signal: OtlpSignal, message: Message, headers: Path | None
) -> Outcome:
    """Send a request to `ENDPOINT/v1/SIGNAL`; never raises for what a network does.

    Redirects are not followed: the headers hold a secret that is meant for this endpoint alone.
    """
    body = await asyncio.to_thread(_packed, message)
    sent = {"Content-Type": PROTOBUF, "Content-Encoding": "gzip", **await asyncio.to_thread(read, headers)}
    try:
        async with (
            asyncio.timeout(PATIENCE),
            session.post(
                f"{endpoint.rstrip('/')}/v1/{signal}", data=body, headers=sent, allow_redirects=False
            ) as answer,
        ):
            told = await answer.content.read(LONGEST_ANSWER)
            if answer.status == 200:
                return _kept(signal, told)
            if answer.headers.get("Location"):
                return Outcome(
                    False, True, said=f"{answer.status}: it redirects; name the address it leads to"
                )
            again = answer.status in RETRYABLE
            wait = retry_after(answer.headers.get("Retry-After", "")) if again else 0.0
            said = f"{answer.status}: {_said(answer.content_type, told)}"
            return Outcome(False, again, wait, too_large=answer.status == 413, said=said)
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        return Outcome(False, True, said=str(error) or type(error).__name__)


def _packed(message: Message) -> bytes:
    packing = zlib.compressobj(LEVEL, wbits=zlib.MAX_WBITS | 16)
    return packing.compress(message.SerializeToString()) + packing.flush()


def _kept(signal: OtlpSignal, told: bytes) -> Outcome:
    try:
        answer = RESPONSES[signal].FromString(told)
    except DecodeError:
        return Outcome(True)
    partial = answer.partial_success
    refused = next((value for field, value in partial.ListFields() if field.name.startswith("rejected")), 0)
    return Outcome(True, refused=refused, said=partial.error_message)


def _said(content_type: str, told: bytes) -> str:
    if content_type == PROTOBUF:
        try:
            return str(Status.FromString(told).message)[:300]
        except DecodeError:
            return "(unreadable)"
    return told.decode("utf-8", "replace")[:300].strip()


def retry_after(text: str) -> float:
    """Seconds that the header asks to wait: a number of them, or a date; 0 for anything else."""
    if text.strip().isdecimal():
        return min(float(text), LONGEST_WAIT)
    try:
        when = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    return min(max(0.0, when.timestamp() - time.time()), LONGEST_WAIT)


def read(headers: Path | None) -> dict[str, str]:
    """The headers in a secret file: one `Name: value` a line, `#` begins a comment."""
    if headers is None or not headers.exists():
        return {}
    found = {}
    for line in headers.read_text().splitlines():
        name, colon, value = line.partition(":")
        if colon and not line.lstrip().startswith("#"):
            found[name.strip()] = value.strip()
    return found
