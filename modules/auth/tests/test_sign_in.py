"""Signing in."""

import asyncio
from uuid import uuid4

import jwt

HASHES = "auth_password_hashes_total{"


async def test_the_first_administrator_signs_in_with_a_token_that_the_published_keys_verify(auth):
    status, answer = await auth.login("  ADMIN@Nexus.Local ")
    assert status == 200
    assert answer["user"] == {
        "id": str(auth.admin_id),
        "email": "admin@nexus.local",
        "name": "Ada Admin",
        "company_id": str(auth.company_id),
        "permissions": ["*"],
    }
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 600)
    keys = jwt.PyJWKClient(f"{auth.process.url}/.well-known/jwks.json")
    key = await asyncio.to_thread(keys.get_signing_key_from_jwt, answer["access_token"])
    claims = jwt.decode(answer["access_token"], key, ["RS256"], audience="nexus", issuer="nexus")
    assert claims["sub"] == str(auth.admin_id)
    assert claims["cid"] == str(auth.company_id)
    assert claims["exp"] - claims["iat"] == 600
    assert await auth.process.admin.fetchval(
        "SELECT user_id FROM sessions WHERE id::text = $1", claims["sid"]
    )


async def test_wrong_password_and_unknown_account_get_the_same_answer_and_leave_no_session(auth):
    wrong = await auth.login(password="not this one at all")
    unknown = await auth.login(email="nobody@example.com")
    assert wrong[0] == unknown[0] == 401
    for key in ("type", "title", "detail"):
        assert wrong[1][key] == unknown[1][key]
    assert await auth.process.admin.fetchval("SELECT count(*) FROM sessions") == 0
    outcomes = await auth.process.admin.fetch("SELECT outcome, user_id FROM login_attempts ORDER BY id")
    assert [tuple(row) for row in outcomes] == [("wrong_password", auth.admin_id), ("unknown_account", None)]


async def test_an_unknown_account_costs_the_same_hash_as_a_known_one(auth):
    async def hashes() -> float:
        async with auth.process.http.get("/metrics") as answer:
            [line] = [one for one in (await answer.text()).splitlines() if one.startswith(HASHES)]
        return float(line.rpartition(" ")[2])

    for email in (auth.email, "nobody@example.com"):
        before = await hashes()
        await auth.login(email=email, password="not this one at all")
        assert await hashes() == before + 1


async def test_neither_password_nor_token_is_ever_logged_or_stored_in_plain(auth):
    _, answer = await auth.login()
    await auth.refresh(answer["refresh_token"])
    await auth.post("/api/auth/password/forgot", {"email": auth.email})
    await auth.process.wait(lambda: auth.process.admin.fetchval("SELECT count(*) FROM password_resets"))
    dump = ""
    for table in ("credentials", "sessions", "refresh_tokens", "password_resets", "outgoing_mail", "outbox"):
        rows = await auth.process.admin.fetch(f"SELECT {table}::text AS row FROM {table}")
        dump += "\n".join(row["row"] for row in rows)
    for secret in (auth.password, answer["refresh_token"], answer["access_token"]):
        assert secret not in dump
        assert secret not in auth.process.logs()


async def test_old_password_parameters_are_renewed_at_the_next_login(auth):
    from argon2 import PasswordHasher

    weak = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1).hash(auth.password)
    await auth.process.admin.execute("UPDATE credentials SET password_hash = $1", weak)
    answers = await asyncio.gather(*(auth.login() for _ in range(4)))
    assert [status for status, _ in answers] == [200] * 4
    renewed = await auth.process.admin.fetchval("SELECT password_hash FROM credentials WHERE NOT synthetic")
    assert "$argon2id$v=19$m=19456,t=2,p=1$" in renewed
    assert (await auth.login())[0] == 200


async def test_a_disabled_account_is_told_so_only_with_the_right_password(auth):
    await auth.process.admin.execute("UPDATE credentials SET enabled = false")
    assert (await auth.login())[0] == 403
    assert (await auth.login(password="not this one at all"))[0] == 401


async def test_a_restart_keeps_accounts_sessions_and_keys(start_auth):
    auth = await start_auth()
    before = await auth.login()
    await auth.process.kill()
    await auth.process.restart()
    assert (await auth.refresh(before[1]["refresh_token"]))[0] == 200
    assert (await auth.login())[0] == 200
    assert await auth.process.admin.fetchval("SELECT count(*) FROM signing_keys") == 2


async def test_twenty_people_signing_in_at_once_all_get_in_with_two_hashes_at_a_time(auth):
    people = [(uuid4(), f"p{n}@example.com") for n in range(20)]
    for user_id, email in people:
        assert (await auth.keep(user_id, email))[0] == 204
    answers = await asyncio.gather(*(auth.login(email) for _, email in people))
    assert [status for status, _ in answers] == [200] * 20
