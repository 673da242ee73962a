"""Only keys that the gateway can verify with, under names that fit its configuration, are taken."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from nexus.control.processes.keys import to_pem


@pytest.fixture(scope="module")
def key() -> dict[str, Any]:
    numbers = generate_private_key(65537, 2048).public_key().public_numbers()

    def text(number: int) -> str:
        content = number.to_bytes((number.bit_length() + 7) // 8, "big")
        return base64.urlsafe_b64encode(content).rstrip(b"=").decode()

    return {"kty": "RSA", "alg": "RS256", "kid": "2026-11", "n": text(numbers.n), "e": text(numbers.e)}


def test_a_published_key_becomes_a_pem(key: dict[str, Any]) -> None:
    assert to_pem({"keys": [key]})["2026-11"].startswith("-----BEGIN PUBLIC KEY-----")


@pytest.mark.parametrize(
    "change",
    [
        {"kid": "a\n"},
        {"kid": "a b"},
        {"kid": ""},
        {"kid": None},
        {"kid": ["a"]},
        {"kty": "oct"},
        {"alg": "HS256"},
    ],
    ids=str,
)
def test_a_key_of_another_kind_or_with_an_unfit_name_is_left_out(
    key: dict[str, Any], change: dict[str, Any]
) -> None:
    assert to_pem({"keys": [{**key, **change}]}) == {}
