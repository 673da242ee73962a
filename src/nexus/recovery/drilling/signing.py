"""Signed reports: Ed25519 (RFC 8032) over the report's canonical JSON, by a key of the stack's own.

A report's file is the envelope {"report": …, "signature": {"algorithm", "key", "value"}}. Its Markdown and
HTML carry the envelope in a comment, and are what the report in it renders to, byte for byte: who changes
what is read changes what is compared.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from nexus.recovery.drilling.report import Report, canonical
from nexus.recovery.errors import Damaged, WrongKey
from nexus.recovery.sealing.keyring import folder
from nexus.runtimes.home import Home
from nexus.runtimes.process import accounts

ALGORITHM = "Ed25519"
SIGNING = "signing"  # HOME/secrets/recovery/signing
_CARRIED = re.compile(r"<!-- nexus-drill-report ([A-Za-z0-9+/=]+) -->")


@dataclass(frozen=True)
class Signed:
    """A report, with the public half of the key that signed it, in base64, and the signature."""

    report: Report
    key: str
    value: str

    def json(self) -> str:
        """The envelope."""
        signature = {"algorithm": ALGORITHM, "key": self.key, "value": self.value}
        told = {"report": self.report.as_dict(), "signature": signature}
        return json.dumps(told, ensure_ascii=False, sort_keys=True, indent=1) + "\n"

    @property
    def carried(self) -> str:
        """The comment that Markdown and HTML carry."""
        return f"<!-- nexus-drill-report {base64.b64encode(self.json().encode()).decode()} -->"


def sign(home: Home, report: Report) -> Signed:
    """Signs with the stack's key, which is made when there is none yet.

    Raises:
        WrongKey: its file holds no key.
    """
    key = _key(home)
    value = key.sign(canonical(report.as_dict()))
    return Signed(report, _public(key), base64.b64encode(value).decode())


def public_key(home: Home) -> str | None:
    """The public half of the stack's key, in base64; None where nothing was signed yet. Raises WrongKey."""
    return _public(_key(home)) if _file(home).exists() else None


def read_signed(text: str) -> Signed:
    """The report of an envelope, or of a Markdown or HTML file that carries one, if its signature holds.

    Whose key signed it is for the caller to judge.

    Raises:
        Damaged: it is none, or something in it was changed.
        WrongVersion: a later Nexus wrote it.
    """
    carried = _CARRIED.search(text)
    try:
        told: dict[str, Any] = json.loads(base64.b64decode(carried[1]) if carried else text)
        report, signature = told["report"], told["signature"]
        key, value = str(signature["key"]), str(signature["value"])
        algorithm = signature["algorithm"]
    except (ValueError, KeyError, TypeError) as error:
        raise Damaged(f"this is no report of a drill ({type(error).__name__}: {error})") from error
    if algorithm != ALGORITHM:
        raise Damaged(f"the report is signed with {algorithm!r}, not with {ALGORITHM}")
    _check(key, value, canonical(report))
    read = Report.of(report)
    if canonical(read.as_dict()) != canonical(report):  # what it says of itself follows from what it holds
        raise Damaged("the report contradicts itself")
    return Signed(read, key, value)


def _check(key: str, value: str, signed: bytes) -> None:
    try:
        public = Ed25519PublicKey.from_public_bytes(base64.b64decode(key, validate=True))
        public.verify(base64.b64decode(value, validate=True), signed)
    except (InvalidSignature, ValueError, binascii.Error) as error:
        raise Damaged("the signature does not fit: the report was changed after it was signed") from error


def _file(home: Home) -> Path:
    return folder(home) / SIGNING


def _key(home: Home) -> Ed25519PrivateKey:
    path = _file(home)
    if not path.exists():
        _make(path)
    try:
        return Ed25519PrivateKey.from_private_bytes(base64.b64decode(path.read_text().strip(), validate=True))
    except (ValueError, binascii.Error) as error:
        raise WrongKey(f"{path} holds no signing key; move it away, and a new one is made") from error


def _make(path: Path) -> None:
    """Makes the key once, also when two do so at the same time: the first one counts."""
    parent = accounts.private_folder(path.parent, None)
    text = base64.b64encode(Ed25519PrivateKey.generate().private_bytes_raw()).decode()
    draft = accounts.private_file(parent / f".{SIGNING}.{os.getpid()}", text + "\n", None)
    try:
        os.link(draft, path)
    except FileExistsError:
        return
    finally:
        draft.unlink()


def _public(key: Ed25519PrivateKey) -> str:
    return base64.b64encode(key.public_key().public_bytes_raw()).decode()
