"""Whose address counts."""

import pytest
from nexus_auth.client import client_of
from starlette.requests import Request


def request(forwarded: str | None, peer: str) -> Request:
    headers = [(b"user-agent", b"test")]
    if forwarded is not None:
        headers.append((b"x-forwarded-for", forwarded.encode()))
    return Request({"type": "http", "headers": headers, "client": (peer, 1234)})


@pytest.mark.parametrize(
    ("forwarded", "peer", "address"),
    [
        (None, "127.0.0.1", None),
        (None, "198.51.100.7", "198.51.100.7"),
        ("203.0.113.5", "127.0.0.1", "203.0.113.5"),
        ("203.0.113.5, 127.0.0.1", "127.0.0.1", "203.0.113.5"),
        ("8.8.8.8, 203.0.113.5", "127.0.0.1", "203.0.113.5"),
        ("not an address", "127.0.0.1", None),
        ("203.0.113.5", "198.51.100.7", "198.51.100.7"),
    ],
)
def test_the_nearest_foreign_address_counts_and_what_a_client_invents_does_not(forwarded, peer, address):
    assert client_of(request(forwarded, peer)).address == address
