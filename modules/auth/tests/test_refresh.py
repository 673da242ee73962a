"""Refresh tokens rotate, and betray whoever uses a stolen one."""

import asyncio
from uuid import UUID

import jwt


async def signed_in(auth):
    return (await auth.login())[1]["refresh_token"]


async def age(auth, seconds: int) -> None:
    await auth.process.admin.execute(
        "UPDATE refresh_tokens SET used_at = used_at - make_interval(secs => $1)", seconds
    )


async def test_each_refresh_gives_another_token_and_the_same_session(auth):
    tokens, sessions = [await signed_in(auth)], set()
    for _ in range(4):
        status, answer = await auth.refresh(tokens[-1])
        assert status == 200
        tokens.append(answer["refresh_token"])
        sessions.add(jwt.decode(answer["access_token"], options={"verify_signature": False})["sid"])
    assert len(set(tokens)) == 5
    assert len(sessions) == 1


async def test_a_token_used_again_after_the_grace_ends_the_session_for_thief_and_owner_alike(auth):
    stolen = await signed_in(auth)
    _, owner = await auth.refresh(stolen)
    await age(auth, 11)
    status, answer = await auth.refresh(stolen)
    assert (status, answer["type"]) == (401, "urn:nexus:problem:refresh-token-reused")
    assert (await auth.refresh(owner["refresh_token"]))[0] == 401
    [event] = await auth.process.events("session.revoked")
    row = await auth.process.admin.fetchrow("SELECT id, revoked_reason FROM sessions")
    assert UUID(event.data["session_id"]) == row["id"]
    assert row["revoked_reason"] == "refresh_reuse"


async def test_a_token_two_generations_old_is_a_theft_even_within_the_grace(auth):
    stolen = await signed_in(auth)
    _, second = await auth.refresh(stolen)
    _, third = await auth.refresh(second["refresh_token"])
    assert (await auth.refresh(stolen))[0] == 401
    assert (await auth.refresh(third["refresh_token"]))[0] == 401


async def test_another_client_gets_no_grace(auth):
    stolen = await signed_in(auth)
    assert (await auth.refresh(stolen, **{"User-Agent": "owner"}))[0] == 200
    assert (await auth.refresh(stolen, **{"User-Agent": "thief"}))[0] == 401


async def test_one_client_racing_with_itself_gets_one_successor_and_stays_signed_in(auth):
    token = await signed_in(auth)
    answers = await asyncio.gather(*(auth.refresh(token) for _ in range(10)))
    assert {status for status, _ in answers} == {200}
    successors = {answer["refresh_token"] for _, answer in answers}
    assert len(successors) == 1
    assert await auth.process.admin.fetchval("SELECT count(*) FROM refresh_tokens WHERE used_at IS NULL") == 1
    assert (await auth.refresh(successors.pop()))[0] == 200


async def test_an_expired_or_invented_token_is_refused_without_harm(auth):
    token = await signed_in(auth)
    assert (await auth.refresh("invented"))[0] == 401
    await auth.process.admin.execute("UPDATE refresh_tokens SET expires_at = now()")
    assert (await auth.refresh(token))[0] == 401
    assert await auth.process.admin.fetchval("SELECT count(*) FROM sessions WHERE revoked_at IS NULL") == 1


async def test_a_session_ends_at_its_term_however_often_it_was_refreshed(auth):
    token = await signed_in(auth)
    await auth.process.admin.execute("UPDATE sessions SET expires_at = now()")
    assert (await auth.refresh(token))[0] == 401


async def test_a_refresh_carries_the_permissions_of_now(auth):
    token = await signed_in(auth)
    await auth.process.admin.execute("UPDATE credentials SET permissions = '{sales.order.read}'")
    _, answer = await auth.refresh(token)
    claims = jwt.decode(answer["access_token"], options={"verify_signature": False})
    assert claims["permissions"] == answer["user"]["permissions"] == ["sales.order.read"]
