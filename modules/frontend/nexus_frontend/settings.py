"""What the web application reads from its environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta, timezone, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

BRICKS = ("auth", "users", "crm", "sales", "inventory", "financial")
LANGUAGES = ("pt-BR", "en")


@dataclass(frozen=True, slots=True)
class Settings:
    """The application's configuration.

    gateway: base address of the API gateway. bricks: addresses of the modules that are on, by name.
    key: secret that signs anti-forgery tokens and notices. zone: the company's time zone.
    """

    gateway: str
    bricks: Mapping[str, str]
    key: bytes
    language: str
    zone: tzinfo


def read_settings(env: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from the environment; SystemExit(2) names the variable that is missing or wrong."""
    env = os.environ if env is None else env
    gateway = env.get("NEXUS_URL_GATEWAY")
    if not gateway:
        raise SystemExit("frontend: NEXUS_URL_GATEWAY is not set: give the address of the API gateway")
    language = env.get("NEXUS_LANG", LANGUAGES[0])
    return Settings(
        gateway=gateway.rstrip("/"),
        bricks={name: url for name in BRICKS if (url := env.get(f"NEXUS_URL_{name.upper()}"))},
        key=_key(env.get("SESSION_KEY_FILE")),
        language=language if language in LANGUAGES else LANGUAGES[0],
        zone=_zone(env.get("NEXUS_TIMEZONE", "America/Sao_Paulo")),
    )


def _key(path: str | None) -> bytes:
    if not path:
        raise SystemExit("frontend: SESSION_KEY_FILE is not set: give a file with 32 random bytes, base64url")
    try:
        key = Path(path).read_bytes().strip()
    except OSError as error:
        raise SystemExit(f"frontend: SESSION_KEY_FILE {path}: {error.strerror}") from error
    if len(key) < 32:
        raise SystemExit(f"frontend: SESSION_KEY_FILE {path} holds {len(key)} bytes: 32 or more are needed")
    return key


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        if name == "America/Sao_Paulo":  # a machine without a time-zone database; no summer time since 2019
            return timezone(timedelta(hours=-3), "BRT")
        raise SystemExit(
            f"frontend: NEXUS_TIMEZONE: no time zone {name!r} on this machine: install tzdata or correct it"
        ) from None
