"""Sessions: listed and ended by their owner."""

from uuid import UUID, uuid4

import jwt


async def session(auth, **headers):
    _, answer = await auth.login(**headers)
    claims = jwt.decode(answer["access_token"], options={"verify_signature": False})
    return UUID(claims["sid"]), answer["refresh_token"]


async def test_the_owner_sees_where_they_are_signed_in_and_which_one_this_is(auth):
    await session(auth, **{"User-Agent": "phone", "X-Forwarded-For": "203.0.113.5"})
    here, _ = await session(auth, **{"User-Agent": "laptop"})
    _, answer = await auth.call("GET", "/api/auth/sessions", headers=auth.bearer(session_id=here))
    assert [(one["user_agent"], one["address"], one["current"]) for one in answer["items"]] == [
        ("laptop", None, True),
        ("phone", "203.0.113.5", False),
    ]


async def test_logout_ends_the_session_its_refresh_token_and_its_access_token(auth):
    here, token = await session(auth)
    bearer = auth.bearer(session_id=here)
    assert (await auth.call("POST", "/api/auth/logout", headers=bearer))[0] == 204
    assert (await auth.refresh(token))[0] == 401
    [event] = await auth.process.events("session.revoked")
    assert event.data["session_id"] == str(here)
    assert event.company_id == auth.company_id
    status, answer = await auth.call("GET", "/api/auth/sessions", headers=bearer)
    assert (status, answer["type"]) == (401, "urn:nexus:problem:session-revoked")


async def test_only_the_owner_or_who_may_revoke_ends_a_session(auth):
    here, token = await session(auth)
    path = f"/api/auth/sessions/{here}"
    stranger = auth.bearer(user_id=uuid4(), permissions=[])
    other_company = auth.bearer(user_id=uuid4(), company_id=uuid4())
    assert (await auth.call("DELETE", path, headers=stranger))[0] == 404
    assert (await auth.call("DELETE", path, headers=other_company))[0] == 404
    assert (await auth.refresh(token))[0] == 200
    keeper = auth.bearer(user_id=uuid4(), permissions=["auth.session.revoke"])
    assert (await auth.call("DELETE", path, headers=keeper))[0] == 204
    reason = await auth.process.admin.fetchval("SELECT revoked_reason FROM sessions WHERE id = $1", here)
    assert reason == "by_admin"
