import time
from collections.abc import Callable

import jwt
import pytest

from nexus.render.tests.conftest import Gateway
from nexus.render.tests.proxies import Signer, bearer

PATH = "/api/shop/orders"


async def status_and_problem(gateway: Gateway, headers: dict[str, str], path: str = PATH) -> tuple[int, str]:
    async with gateway.http.get(gateway.url + path, headers=headers) as answer:
        body = await answer.json(content_type=None)
        if answer.status < 400:
            return answer.status, ""
        assert answer.content_type == "application/problem+json"
        assert body["status"] == answer.status
        assert body["instance"] == path
        assert body["request_id"] == answer.headers["X-Request-Id"]
        if answer.status == 401:
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        return answer.status, body["type"].removeprefix("urn:nexus:problem:")


async def test_a_valid_token_passes(gateway: Gateway) -> None:
    assert await status_and_problem(gateway, bearer(gateway.signer.token())) == (200, "")


@pytest.mark.parametrize(
    ("make", "slug"),
    [
        (lambda s: s.token(exp=int(time.time()) - 1), "token-expired"),
        (lambda s: s.token(exp=None), "token-expired"),
        (lambda s: s.token(exp="never"), "token-expired"),
        (lambda s: s.token(iss="someone-else"), "token-not-for-us"),
        (lambda s: s.token(iss=None), "token-not-for-us"),
        (lambda s: s.token(aud="another-api"), "token-not-for-us"),
        (lambda s: s.token(aud=None), "token-not-for-us"),
        (lambda s: s.token(kid="unknown"), "token-forged"),
        (lambda s: s.token()[:-6] + "AAAAAA", "token-forged"),
        (lambda s: s.unsigned(), "token-algorithm"),
        (lambda s: s.confused(), "token-algorithm"),
        (lambda s: jwt.encode(s.claims(), s.key, "RS512", headers={"kid": s.kid}), "token-algorithm"),
        (lambda s: "not.a.token", "token-algorithm"),
        (lambda s: "x" * 5000, "token-algorithm"),
    ],
)
async def test_a_token_that_is_not_right_in_every_part_is_refused(
    gateway: Gateway, make: Callable[[Signer], str], slug: str
) -> None:
    before = len(gateway.shop.seen)
    assert await status_and_problem(gateway, bearer(make(gateway.signer))) == (401, slug)
    assert len(gateway.shop.seen) == before


async def test_a_token_signed_by_another_key_under_our_kid_is_refused(gateway: Gateway, tmp_path) -> None:  # type: ignore[no-untyped-def]
    forger = Signer(tmp_path, gateway.signer.kid)
    assert await status_and_problem(gateway, bearer(forger.token())) == (401, "token-forged")


async def test_a_payload_changed_after_signing_is_refused(gateway: Gateway) -> None:
    header, _, signature = gateway.signer.token().split(".")
    payload = gateway.signer.token(sub="root").split(".")[1]
    assert await status_and_problem(gateway, bearer(f"{header}.{payload}.{signature}")) == (
        401,
        "token-forged",
    )


async def test_without_a_token_only_public_paths_are_served(gateway: Gateway) -> None:
    assert await status_and_problem(gateway, {}) == (401, "token-missing")
    assert await status_and_problem(gateway, {"Authorization": "Basic YTpi"}) == (401, "token-missing")
    for path in ("/api/shop/login", "/api/shop/login?next=1", "/api/shop/open/catalogue"):
        async with gateway.http.get(gateway.url + path) as answer:
            assert answer.status == 200, path
    for path in (
        "/api/shop/loginx",
        "/api/shop/login/",
        "/api/shop/LOGIN",
        "/api/shop/open",
    ):
        assert (await status_and_problem(gateway, {}, path))[0] == 401, path


async def test_two_authorization_headers_are_refused(gateway: Gateway) -> None:
    import aiohttp

    headers = [("Authorization", f"Bearer {gateway.signer.token()}"), ("Authorization", "Bearer other")]
    async with aiohttp.request("GET", gateway.url + PATH, headers=headers) as answer:
        assert answer.status == 400
        assert (await answer.json(content_type=None))["type"] == "urn:nexus:problem:ambiguous-authorization"
