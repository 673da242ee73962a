"""What happens here reaches sign-in."""

from uuid import UUID

import jwt

EMAIL = "ana@example.com"


async def joined(together, *permissions: str) -> tuple[str, str]:
    role = await together.users.role("Sales", list(permissions))
    made = await together.users.good("POST", "/invitations", {"email": EMAIL, "roles": [role]})
    _, answer = await together.accept(made["token"])
    return answer["user_id"], role


async def refreshed(together, token: str) -> int:
    async with together.auth.http.post("/api/auth/refresh", json={"refresh_token": token}) as answer:
        return answer.status


async def test_disabling_a_user_ends_their_sessions_and_enabling_lets_them_in(together):
    user_id, _ = await joined(together, "sales.*")
    _, session = await together.sign_in(EMAIL)
    await together.users.good("POST", f"/{user_id}/disable")
    await together.auth.wait(
        lambda: together.auth.admin.fetchval(
            "SELECT count(*) FROM sessions WHERE revoked_reason = 'user_disabled'"
        )
    )
    assert await refreshed(together, session["refresh_token"]) == 401
    assert (await together.sign_in(EMAIL))[0] == 403
    await together.users.good("POST", f"/{user_id}/enable")

    async def in_again() -> bool:
        return (await together.sign_in(EMAIL))[0] == 200

    await together.auth.wait(in_again)


async def test_an_ended_session_stays_ended_when_redis_is_emptied_and_a_module_restarted(own_together):
    users, auth = own_together.users.process, own_together.auth
    _, session = await own_together.sign_in(own_together.users.email)
    sid = UUID(jwt.decode(session["access_token"], options={"verify_signature": False})["sid"])
    bearer = own_together.users.bearer(session_id=sid)
    async with auth.http.post(
        "/api/auth/logout", headers={"Authorization": f"Bearer {session['access_token']}"}
    ) as answer:
        assert answer.status == 204
    await auth.events("session.revoked")
    await users.kill()
    await users.redis("FLUSHDB")
    await users.restart()

    async def refused() -> bool:
        async with users.http.get("/api/users/me", headers=bearer) as answer:
            return answer.status == 401

    await users.wait(refused)


async def test_a_changed_role_reaches_the_next_token(together):
    _, role = await joined(together, "sales.*")
    await together.users.good("PATCH", f"/roles/{role}", {"permissions": ["crm.*"]})

    async def changed() -> bool:
        _, session = await together.sign_in(EMAIL)
        return session["user"]["permissions"] == ["crm.*"]

    await together.auth.wait(changed)


async def test_a_changed_address_is_what_the_person_signs_in_with(together):
    user_id, _ = await joined(together, "sales.*")
    await together.users.good("PATCH", f"/{user_id}", {"email": "ana.b@example.com"})

    async def moved() -> bool:
        return (await together.sign_in("ana.b@example.com"))[0] == 200

    await together.auth.wait(moved)
    assert (await together.sign_in(EMAIL))[0] == 401
