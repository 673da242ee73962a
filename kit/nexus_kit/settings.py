"""What the runtime tells an instance: plain values from the environment, secrets from files."""

from __future__ import annotations

import json
import math
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

DRAIN_S = "20"


class SettingsError(Exception):
    """The environment lacks something or holds something unusable; the message names the variable."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The environment of one instance, read once.

    ``urls`` maps the other bricks that are on to their base URL; a brick that is absent is off.
    ``trusted_proxies`` are the addresses and networks that may say for whom they ask, with commas.
    ``drain`` is how long requests in flight may take when the instance is told to end, in seconds.
    ``contracts`` are the migrations of its folder that it can serve without.
    """

    service: str
    instance: str
    release: str
    host: str
    port: int
    lang: str
    module_dir: Path | None
    state_dir: Path | None
    jwks_url: str | None
    urls: Mapping[str, str]
    otlp_endpoint: str | None
    trusted_proxies: str
    drain: float
    contracts: frozenset[str]
    secret_files: Mapping[str, Path] = field(repr=False)

    @classmethod
    def from_env(cls, service: str, env: Mapping[str, str] | None = None) -> Settings:
        """Read ``env`` (the process environment by default) for the module ``service``.

        Raises SettingsError when PORT is not a port number or NEXUS_DRAIN no number of seconds.
        """
        env = os.environ if env is None else env
        port = env.get("PORT", "0")
        if not port.isdigit() or int(port) > 65535:
            raise SettingsError(f"PORT={port!r} is not a port number: set it to 0..65535")
        return cls(
            service=env.get("NEXUS_SERVICE", service),
            instance=env.get("NEXUS_INSTANCE") or f"{service}-{socket.gethostname()}",
            release=env.get("NEXUS_RELEASE", "dev"),
            host=env.get("HOST", "127.0.0.1"),
            port=int(port),
            lang=env.get("NEXUS_LANG", "pt-BR"),
            module_dir=_path(env.get("NEXUS_MODULE_DIR")),
            state_dir=_path(env.get("NEXUS_STATE_DIR")),
            jwks_url=env.get("NEXUS_JWKS_URL"),
            urls={
                key.removeprefix("NEXUS_URL_").lower(): value.rstrip("/")
                for key, value in env.items()
                if key.startswith("NEXUS_URL_") and value
            },
            otlp_endpoint=env.get("OTEL_EXPORTER_OTLP_ENDPOINT") or None,
            trusted_proxies=env.get("NEXUS_TRUSTED_PROXIES") or "127.0.0.1,::1",
            drain=_seconds("NEXUS_DRAIN", env.get("NEXUS_DRAIN") or DRAIN_S),
            contracts=frozenset(env.get("NEXUS_CONTRACTS", "").split()),
            secret_files={
                key.removesuffix("_FILE").lower(): Path(value)
                for key, value in env.items()
                if key.endswith("_FILE") and value
            },
        )

    def secret(self, name: str) -> str | None:
        """Return the secret ``name`` from its file (``<NAME>_FILE``), or None when it was not given.

        Raises SettingsError when the file cannot be read.
        """
        path = self.secret_files.get(name.lower())
        if path is None:
            return None
        try:
            return path.read_text().strip()
        except OSError as error:
            raise SettingsError(
                f"{name.upper()}_FILE={path}: {error.strerror}: give a readable file"
            ) from error

    def secret_json(self, name: str) -> Any | None:
        """Return the secret ``name`` parsed as JSON, or None when it was not given."""
        text = self.secret(name)
        if text is None:
            return None
        try:
            return json.loads(text)
        except ValueError as error:
            raise SettingsError(f"{name.upper()}_FILE is not JSON: {error}") from error


def _path(value: str | None) -> Path | None:
    return Path(value) if value else None


def _seconds(name: str, value: str) -> float:
    try:
        seconds = float(value)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise SettingsError(f"{name}={value!r} is no number of seconds: write it like {DRAIN_S}")
    return seconds
