"""What an operator may set for this module (manifest `env`), read once at start."""

import os
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path


class SettingError(SystemExit):
    """A setting that cannot be used; ends the process with a sentence and exit code 2."""

    def __init__(self, name: str, value: str, wanted: str) -> None:
        print(f"financial: {name}={value!r} is not usable: give {wanted}")
        super().__init__(2)


@dataclass(frozen=True, slots=True)
class FinancialSettings:
    """Values with their units; see modules/financial/module.yaml."""

    pix_provider: str
    charge_ttl: timedelta
    sweep_seconds: float
    pix_city: str
    books_offset: timedelta
    due_days: int
    webhook_url: str
    webhook_secret: bytes


def _number(name: str, default: str, low: float, high: float) -> float:
    raw = os.environ.get(name, default)
    try:
        value = float(raw)
    except ValueError:
        raise SettingError(name, raw, "a number") from None
    if not low <= value <= high:
        raise SettingError(name, raw, f"a number from {low:g} to {high:g}")
    return value


def _webhook_secret() -> bytes:
    path = os.environ.get("PIX_WEBHOOK_SECRET_FILE", "")
    try:
        secret = Path(path).read_bytes().strip() if path else b""
    except OSError as error:
        raise SettingError("PIX_WEBHOOK_SECRET_FILE", path, f"a readable file ({error.strerror})") from None
    if len(secret) < 16:
        raise SettingError("PIX_WEBHOOK_SECRET_FILE", path, "a file with a secret of 16 bytes or more")
    return secret


def _webhook_url() -> str:
    """Where the PSP reports payments: this module's stable address, or its own port where there is none."""
    own = f"http://{os.environ.get('HOST', '127.0.0.1')}:{os.environ.get('PORT', '5007')}"
    base = os.environ.get("NEXUS_URL_FINANCIAL", own).rstrip("/")
    return os.environ.get("PIX_WEBHOOK_URL", f"{base}/api/financial/pix/webhook")


def load() -> FinancialSettings:
    """The settings from the environment; SettingError names what is wrong."""
    return FinancialSettings(
        pix_provider=os.environ.get("PIX_PROVIDER", "simulator"),
        charge_ttl=timedelta(seconds=_number("PIX_CHARGE_TTL_SECONDS", "86400", 1, 31_536_000)),
        sweep_seconds=_number("PIX_SWEEP_SECONDS", "30", 0.1, 3600),
        pix_city=os.environ.get("PIX_CITY", "SAO PAULO"),
        books_offset=timedelta(hours=_number("LEDGER_UTC_OFFSET_HOURS", "-3", -12, 14)),
        due_days=int(_number("INVOICE_DUE_DAYS", "1", 0, 365)),
        webhook_url=_webhook_url(),
        webhook_secret=_webhook_secret(),
    )
