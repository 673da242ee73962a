"""What looks like a secret, and how it is shown: never as it is."""

from __future__ import annotations

import math
import re
from collections import Counter

from nexus.audit.inlined import in_url, inlined

KEY = re.compile(
    r"(?:^|_)(PASSWORD|PASSWD|PASS|PWD|SECRET|TOKEN|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY|SECRET_?KEY|ENCRYPTION_?KEY|CREDENTIALS?|SALT)$"
    r"|(SECRET|PASSWORD|PRIVATE_?KEY|API_?KEY|APIKEY|TOKEN)(?:_\d)?$",
    re.IGNORECASE,
)
NOT_SECRET = re.compile(
    r"(_FILE|_PATH|_EXPIR\w*|_TTL|_LENGTH|_NAME|_URL|_URI|_HOST|_ID|_ALGORITHM|_ENABLED"
    r"|_TYPE|_LIFETIME|_MIN|_MAX|_AGE)$"
    r"|PUBLIC|^(ALLOW_EMPTY|MYSQL_ALLOW|MYSQL_RANDOM|RANDOM)|SITE_?KEY|PUBLISHABLE",
    re.IGNORECASE,
)
WEAK = frozenset(
    "postgres password passwd pass root admin secret changeme change-me change_me changeit example test"
    " 123456 12345678 1234 123 qwerty letmein default guest user mysql mongo redis rabbitmq admin123 root123"
    " postgres123 password123 senha senha123 mudar toor minio minioadmin supersecret mysecretpassword"
    " my-secret secret123 jwtsecret jwt-secret mysecret dev development erp nexus app docker"
    " example123 s3cret s3cr3t secretkey your-secret-key".split()
)
_PLACEHOLDER = re.compile(
    r"^(<.*>|\{\{.*\}\}|x{3,}|\*+|\.\.\.|your[-_ ].*|change[-_]?(me|this|it)?.*|replace.*|example.*|todo.*"
    r"|placeholder.*|dummy.*|fake.*|none|null|true|false|yes|no|insert.*|set[-_].*|put[-_].*"
    r"|\d{1,3}|/run/secrets/.*|/.*\.(txt|key|pem))$",
    re.IGNORECASE,
)
PREFIXES = (
    ("AWS access key", re.compile(r"\b(AKIA|ASIA)[0-9A-Z]{16}\b")),
    ("GitHub token", re.compile(r"\b(gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{50,})")),
    ("GitLab token", re.compile(r"\bglpat-[A-Za-z0-9_\-]{20,}")),
    ("Stripe key", re.compile(r"\b[rs]k_live_[A-Za-z0-9]{20,}")),
    ("Slack token", re.compile(r"\bxox[abprs]-[A-Za-z0-9-]{20,}")),
    ("Slack webhook", re.compile(r"hooks\.slack\.com/services/T[A-Z0-9]+/B[A-Z0-9]+/[A-Za-z0-9]{20,}")),
    ("Google API key", re.compile(r"\bAIza[0-9A-Za-z_\-]{35}\b")),
    ("SendGrid key", re.compile(r"\bSG\.[A-Za-z0-9_\-]{20,}\.[A-Za-z0-9_\-]{30,}")),
    ("npm token", re.compile(r"\bnpm_[A-Za-z0-9]{36}\b")),
    ("Telegram bot token", re.compile(r"\b\d{8,10}:AA[A-Za-z0-9_\-]{33}\b")),
    ("OpenAI key", re.compile(r"\bsk-(proj-)?[A-Za-z0-9_\-]{40,}\b")),
    ("Mercado Pago token", re.compile(r"\bAPP_USR-\d{10,}-\d{6}-[a-f0-9]{32}-\d+\b")),
    ("private key", re.compile(r"-----BEGIN (RSA |EC |OPENSSH |DSA |PGP )?PRIVATE KEY( BLOCK)?-----")),
)
"""Tokens that can be told by their form alone."""


def masked(value: str) -> str:
    """Return a secret so that its owner knows it and nobody else learns it."""
    return f"{value[:2]}***" if len(value) > 8 else "***"


def names_secret(name: str) -> bool:
    """Tell whether a variable's name says that its value is secret."""
    return bool(KEY.search(name)) and not NOT_SECRET.search(name)


def is_weak(value: str) -> bool:
    """Tell whether a value is one that everybody tries first."""
    return value.lower() in WEAK


def is_placeholder(value: str) -> bool:
    """Tell whether a value only stands for one to come."""
    return not value or value.startswith("$") or bool(_PLACEHOLDER.match(value))


def entropy(value: str) -> float:
    """Return the bits per character of a value."""
    counts = Counter(value)
    return -sum(n / len(value) * math.log2(n / len(value)) for n in counts.values()) if value else 0.0


def looks_random(value: str) -> bool:
    """Tell whether a value looks like a generated key rather than like words."""
    return len(value) >= 16 and entropy(value) >= 3.3 and bool(re.search(r"\d", value)) and " " not in value


def secret_of(name: str, value: str) -> str:
    """Return the secret part of a variable: the password inside a URL or a longer text, or all of it."""
    if inside := in_url(value):
        return inside
    if names_secret(name) and "://" not in value:
        return value
    return inlined(value)
