"""Credentials follow the users module."""

from uuid import UUID, uuid4

import asyncpg

ANA = UUID("0199bbbb-0000-7000-8000-0000000000b2")


async def tell(auth, type: str, user_id: UUID = ANA, **data):
    await auth.process.publish(
        "users", type, user_id, {"user_id": str(user_id), **data}, company_id=auth.company_id
    )


async def until(auth, condition: str) -> None:
    sql = f"SELECT EXISTS (SELECT FROM credentials WHERE user_id = $1 AND {condition})"
    await auth.process.wait(lambda: auth.process.admin.fetchval(sql, ANA))


async def test_the_users_module_writes_a_credential_and_the_same_call_again_changes_nothing(auth):
    for _ in range(2):
        assert (await auth.keep(ANA, "ana@example.com", name="Ana", permissions=["crm.*"]))[0] == 204
    status, answer = await auth.login("ana@example.com")
    assert (status, answer["user"]["permissions"], answer["user"]["name"]) == (200, ["crm.*"], "Ana")


async def test_no_other_module_and_no_person_writes_credentials(auth):
    body = {"user_id": str(uuid4()), "company_id": str(auth.company_id), "email": "x@example.com"}
    for headers in (auth.process.headers(service="sales"), auth.bearer()):
        assert (await auth.post("/internal/credentials", body, **headers))[0] == 403
    assert (await auth.post("/internal/credentials", body))[0] == 401


async def test_an_address_signs_in_one_person_only(auth):
    assert (await auth.keep(ANA, auth.email))[0] == 409
    assert (await auth.keep(ANA, "ana@example.com", "short"))[0] == 422


async def test_disabling_a_user_ends_their_sessions_and_enabling_lets_them_in_again(auth):
    await auth.keep(ANA, "ana@example.com")
    _, session = await auth.login("ana@example.com")
    await tell(auth, "user.disabled", revision=1)
    [event] = await auth.process.events("session.revoked")
    assert event.data["user_id"] == str(ANA)
    assert (await auth.refresh(session["refresh_token"]))[0] == 401
    assert (await auth.login("ana@example.com"))[0] == 403
    await tell(auth, "user.enabled", revision=2)
    await until(auth, "enabled")
    assert (await auth.login("ana@example.com"))[0] == 200


async def test_news_that_arrive_late_do_not_undo_newer_ones(auth):
    await auth.keep(ANA, "ana@example.com")
    await tell(auth, "user.disabled", revision=3)
    await until(auth, "NOT enabled")
    await tell(auth, "user.enabled", revision=2)
    await tell(auth, "user.permissions_changed", permissions=["a.b"], revision=5)
    await tell(auth, "user.permissions_changed", permissions=["c.d"], revision=4)
    await tell(auth, "user.updated", name="Ana B.", email="ana.b@example.com", revision=6)
    await until(auth, "email = 'ana.b@example.com'")
    await until(auth, "NOT enabled AND permissions = '{a.b}'")


async def test_changes_that_overtake_the_news_of_the_person_are_not_lost(auth):
    await tell(auth, "user.disabled", revision=1)
    await tell(auth, "user.permissions_changed", permissions=["a.b"], revision=2)
    await tell(auth, "user.updated", name="Ana B.", email="ana.b@example.com", revision=3)

    async def tried_in_vain() -> bool:
        return "user.created has not arrived" in auth.process.logs()

    await auth.process.wait(tried_in_vain)
    await tell(auth, "user.created", name="Ana", email="ana@example.com", permissions=["x"], revision=0)
    await until(auth, "NOT enabled AND permissions = '{a.b}' AND email = 'ana.b@example.com'")


async def test_a_closed_invitation_nobody_followed_is_no_news(auth):
    await tell(auth, "user.disabled", revision=1, invitation_id=str(uuid4()))
    await tell(auth, "user.created", name="Ana", email="ana@example.com", permissions=[], revision=0)
    await until(auth, "enabled")


async def test_a_user_nobody_gave_a_password_cannot_sign_in_but_is_known(auth):
    await tell(auth, "user.created", name="Ana", email="ana@example.com", permissions=["x"], revision=0)
    await until(auth, "password_hash IS NULL")
    assert (await auth.login("ana@example.com"))[0] == 401
    outcome = await auth.process.admin.fetchval("SELECT outcome FROM login_attempts")
    assert outcome == "no_password"


TENANT = ("credentials", "sessions", "refresh_tokens", "login_attempts", "password_resets", "outgoing_mail")


async def test_a_company_sees_no_row_of_another(auth):
    await auth.login()
    await auth.post("/api/auth/password/forgot", {"email": auth.email})
    await auth.process.wait(lambda: auth.process.admin.fetchval("SELECT count(*) FROM outgoing_mail"))
    connection = await asyncpg.connect(auth.process.app_dsn)
    try:
        for company, seen in ((auth.company_id, True), (uuid4(), False), (None, False)):
            async with connection.transaction():
                if company:
                    await connection.execute(f"SET LOCAL nexus.company_id = '{company}'")
                for table in TENANT:
                    assert await connection.fetchval(f"SELECT count(*) > 0 FROM {table}") is seen, table
    finally:
        await connection.close()
