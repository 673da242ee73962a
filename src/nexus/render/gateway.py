"""The gateway's settings: plain values in its manifest's `env`."""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from nexus.stack import Fault, ManifestError, Service, Stack
from nexus.stack.units import parse_duration, parse_size

Value = TypeVar("Value")


@dataclass(frozen=True)
class GatewaySettings:
    """What operators set. Limits count requests per window; sizes are bytes, durations milliseconds."""

    issuer: str
    audience: str
    requests: int
    public_requests: int
    window_ms: int
    body_limit: int
    trusted: tuple[str, ...]
    server_timeout_ms: int

    @property
    def window_seconds(self) -> int:
        """The window in whole seconds, for Retry-After."""
        return max(1, math.ceil(self.window_ms / 1000))


def gateway_settings(service: Service) -> GatewaySettings:
    """Read the settings of a gateway. Raises ManifestError that names each value that cannot be used."""
    faults: list[Fault] = []

    def read(name: str, default: str, parse: Callable[[str], Value]) -> Value:
        try:
            return parse(service.env.get(name, default))
        except ValueError as error:
            faults.append(Fault(service.manifest, 0, f"env.{name}", str(error), f"write it like {default!r}"))
            return parse(default)

    settings = GatewaySettings(
        issuer=read("JWT_ISSUER", "nexus", _word),
        audience=read("JWT_AUDIENCE", "nexus", _word),
        requests=read("RATE_LIMIT_REQUESTS", "30000", _count),
        public_requests=read("RATE_LIMIT_PUBLIC_REQUESTS", "6000", _count),
        window_ms=read("RATE_LIMIT_WINDOW", "10s", _milliseconds),
        body_limit=read("BODY_LIMIT", "2M", parse_size),
        trusted=read("TRUSTED_PROXIES", "127.0.0.0/8", _networks),
        server_timeout_ms=read("SERVER_TIMEOUT", "30s", _milliseconds),
    )
    if faults:
        raise ManifestError(faults)
    return settings


def longest_request(stack: Stack) -> int:
    """Seconds that a request may take, by what the manifests say: so long it goes on in a proxy that has been
    given new settings.
    """
    answers = [gateway_settings(each).server_timeout_ms / 1000 for each in stack.of_kind("gateway")]
    return math.ceil(max([0.0, *answers, *(module.rollout.drain for module in stack.of_kind("module"))]))


def _count(value: str) -> int:
    if not value.isdecimal() or int(value) < 1:
        raise ValueError(f"{value!r} is not a positive whole number")
    return int(value)


def _milliseconds(value: str) -> int:
    milliseconds = round(parse_duration(value) * 1000)
    if milliseconds < 1:
        raise ValueError(f"{value!r} is too short")
    return milliseconds


def _word(value: str) -> str:
    if not value or any(c in "'\"\\#" or c.isspace() or not c.isprintable() for c in value):
        raise ValueError(f"{value!r} is empty or has spaces, quotes, # or backslashes")
    return value


def _networks(value: str) -> tuple[str, ...]:
    return tuple(str(ipaddress.ip_network(each)) for each in value.replace(",", " ").split())
