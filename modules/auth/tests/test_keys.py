"""Signing keys rotate without anyone being signed out."""

import asyncio

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import load_der_private_key

JWKS = "/.well-known/jwks.json"


async def published(auth) -> list[str]:
    _, answer = await auth.call("GET", JWKS)
    return [key["kid"] for key in answer["keys"]]


def kid(token: str) -> str:
    return jwt.get_unverified_header(token)["kid"]


async def rotate(auth, body=None, **claims):
    return await auth.call("POST", "/api/auth/keys/rotate", body, auth.bearer(**claims))


async def test_the_next_key_is_published_before_it_signs_and_the_old_one_while_its_tokens_live(auth):
    _, before = await auth.login()
    first, second = await published(auth)
    assert kid(before["access_token"]) == first
    status, rotated = await rotate(auth)
    assert (status, rotated["active"], rotated["retired"]) == (200, second, first)
    _, after = await auth.login()
    assert kid(after["access_token"]) == second
    assert await published(auth) == [first, second, rotated["next"]]
    await auth.process.admin.execute("UPDATE signing_keys SET verify_until = now() WHERE state = 'retired'")
    assert await published(auth) == [second, rotated["next"]]


async def test_a_second_instance_verifies_old_and_new_tokens_across_a_rotation(auth, start_auth):
    other = await start_auth(
        like=auth.process, instance="auth-2", env={"NEXUS_JWKS_URL": f"{auth.process.url}{JWKS}"}
    )
    old = (await other.login())[1]["access_token"]
    assert (await rotate(auth))[0] == 200
    new = (await other.login())[1]["access_token"]
    assert kid(old) != kid(new)
    for token in (old, new):
        bearer = {"Authorization": f"Bearer {token}"}
        assert (await other.call("GET", "/api/auth/sessions", headers=bearer))[0] == 200


async def test_a_key_is_not_used_before_verifiers_could_fetch_it(auth):
    assert (await rotate(auth))[0] == 200
    status, answer = await rotate(auth)
    assert (status, answer["type"]) == (409, "urn:nexus:problem:next-key-too-young")
    assert 50 <= answer["retry_after"] <= 60


async def test_a_leaked_key_is_withdrawn_at_once(auth):
    first, _ = await published(auth)
    assert (await rotate(auth, {"revoke_old": True}))[0] == 200
    assert first not in await published(auth)


async def test_rotation_needs_its_permission(auth):
    assert (await rotate(auth, permissions=["auth.session.revoke"]))[0] == 403


async def test_private_keys_are_sealed_and_erased_at_retirement(auth):
    for row in await auth.process.admin.fetch("SELECT sealed_private FROM signing_keys"):
        with pytest.raises(ValueError, match="deserialize"):
            load_der_private_key(row["sealed_private"], None)
    await rotate(auth)
    rows = await auth.process.admin.fetch("SELECT state, sealed_private IS NULL AS gone FROM signing_keys")
    assert {row["state"]: row["gone"] for row in rows} == {"retired": True, "active": False, "next": False}


async def test_two_rotations_at_once_rotate_once(auth):
    answers = await asyncio.gather(rotate(auth), rotate(auth))
    assert sorted(status for status, _ in answers) == [200, 409]
    states = await auth.process.admin.fetch("SELECT state FROM signing_keys ORDER BY created_at, kid")
    assert sorted(row["state"] for row in states) == ["active", "next", "retired"]
