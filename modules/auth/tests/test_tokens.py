"""Tokens that are not ours are refused."""

import base64
import hmac
import json
import time
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


async def status(auth, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    return (await auth.call("GET", "/api/auth/sessions", headers=headers))[0]


def encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).decode().rstrip("=")


def unsigned(token: str) -> dict:
    return jwt.decode(token, options={"verify_signature": False})


async def test_a_good_token_opens(auth):
    assert await status(auth, auth.process.token(company_id=auth.company_id)) == 200


async def test_an_expired_token_is_refused(auth):
    assert await status(auth, auth.process.token(expires_in=-1)) == 401


async def test_a_token_signed_by_another_key_under_our_kid_is_refused(auth):
    token = auth.process.token()
    forged = jwt.encode(
        unsigned(token),
        generate_private_key(65537, 2048),
        "RS256",
        headers={"kid": jwt.get_unverified_header(token)["kid"]},
    )
    assert await status(auth, forged) == 401


async def test_a_changed_algorithm_is_refused(auth, key_server):
    token = auth.process.token()
    [published] = [jwt.PyJWK.from_dict(key).key for key in key_server.jwks()["keys"]]
    public = published.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for algorithm, secret in (("none", None), ("None", None), ("HS256", public), ("RS512", public)):
        header = {"alg": algorithm, "typ": "JWT", "kid": jwt.get_unverified_header(token)["kid"]}
        signed = f"{encoded(json.dumps(header).encode())}.{token.split('.')[1]}"
        signature = hmac.digest(secret, signed.encode(), "sha256") if secret else b""
        assert await status(auth, f"{signed}.{encoded(signature)}") == 401, algorithm


async def test_a_token_for_something_else_is_refused(auth):
    for changed in ({"aud": "other"}, {"iss": "other"}, {"cid": "not a company"}, {"sub": "x"}):
        assert await status(auth, auth.process.token(**changed)) == 401, changed


async def test_a_token_with_one_changed_character_is_refused(auth):
    head, body, signature = auth.process.token().split(".")
    letter = "A" if body[20] != "A" else "B"
    assert await status(auth, f"{head}.{body[:20]}{letter}{body[21:]}.{signature}") == 401


async def test_a_module_gets_a_token_for_its_secret_and_with_it_no_access_for_people(auth, start_auth):
    body = {"client_id": "sales", "client_secret": "sales-secret", "company_id": str(uuid4())}
    code, answer = await auth.post("/internal/token", body)
    claims = unsigned(answer["access_token"])
    assert code == 200
    assert (claims["sub"], claims["svc"], claims["cid"]) == ("service:sales", "sales", body["company_id"])
    assert "permissions" not in claims
    assert claims["exp"] > time.time()
    other = await start_auth(
        like=auth.process,
        instance="auth-2",
        env={"NEXUS_JWKS_URL": f"{auth.process.url}/.well-known/jwks.json"},
    )
    assert await status(other, answer["access_token"]) == 403


async def test_a_module_without_its_secret_gets_no_token(auth):
    for client, secret in (("sales", "wrong"), ("crm", "sales-secret"), ("sales", ""), ("ção", "x")):
        code, _ = await auth.post("/internal/token", {"client_id": client, "client_secret": secret})
        assert code in (401, 422), client
