"""Forgotten and changed passwords."""

import email
import email.policy
import re
from pathlib import Path
from uuid import UUID

import jwt

NEW = "sete tuiuius no pantanal"


async def mailed(auth, number: int = 1) -> list[Path]:
    async def sent() -> bool:
        return await auth.process.admin.fetchval(
            "SELECT count(*) = $1 FROM outgoing_mail WHERE state = 'sent'", number
        )

    await auth.process.wait(sent)
    return sorted((auth.state / "mail").glob("*.eml"))


def token_in(path: Path) -> str:
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    found = re.search(r"^([\w-]{43})\s*$", message.get_content(), re.MULTILINE)
    assert found, message.get_content()
    return found[1]


async def forget(auth, address: str | None = None) -> tuple[int, dict]:
    return await auth.post("/api/auth/password/forgot", {"email": address or auth.email})


async def test_the_owner_gets_a_link_by_mail_and_sets_a_new_password_once(auth):
    _, session = await auth.login()
    assert (await forget(auth))[0] == 202
    [letter] = await mailed(auth)
    assert letter.stat().st_mode & 0o777 == 0o600
    token = token_in(letter)
    body = {"token": token, "password": NEW}
    assert (await auth.post("/api/auth/password/reset", body))[0] == 204
    assert (await auth.post("/api/auth/password/reset", body))[0] == 400
    assert (await auth.login())[0] == 401
    assert (await auth.login(password=NEW))[0] == 200
    assert (await auth.refresh(session["refresh_token"]))[0] == 401
    await auth.process.events("session.revoked")
    assert len(await mailed(auth, 2)) == 2
    assert token not in auth.process.logs()
    assert not await auth.process.admin.fetchval("SELECT count(sealed_values) FROM outgoing_mail")


async def test_an_unknown_address_gets_the_same_answer_and_no_mail(auth):
    assert await forget(auth, "nobody@example.com") == await forget(auth)
    await mailed(auth)
    assert await auth.process.admin.fetchval("SELECT count(*) FROM outgoing_mail") == 1
    assert await auth.process.admin.fetchval("SELECT count(*) FROM reset_requests") == 0


async def test_a_link_ends_after_its_term_and_with_the_next_password(auth):
    await forget(auth)
    token = token_in((await mailed(auth))[0])
    await auth.process.admin.execute("UPDATE password_resets SET expires_at = now()")
    body = {"token": token, "password": NEW}
    assert (await auth.post("/api/auth/password/reset", body))[0] == 400
    assert await auth.process.admin.fetchval(
        "SELECT expires_at - created_at < interval '31 minutes' FROM password_resets"
    )


async def test_nobody_is_flooded_with_links(auth):
    for number in range(6):
        await forget(auth)
        await auth.process.wait(
            lambda: auth.process.admin.fetchval("SELECT count(*) = 0 FROM reset_requests")
        )
        assert await auth.process.admin.fetchval("SELECT count(*) FROM password_resets") == min(number + 1, 3)


async def test_a_weak_password_is_refused_and_the_link_stays_good(auth):
    await forget(auth)
    token = token_in((await mailed(auth))[0])
    for weak in ("short", "password123", "Ada Admin 1"):
        status, answer = await auth.post("/api/auth/password/reset", {"token": token, "password": weak})
        assert (status, answer["type"], answer["field"]) == (
            422,
            "urn:nexus:problem:weak-password",
            "password",
        )
    assert (await auth.post("/api/auth/password/reset", {"token": token, "password": NEW}))[0] == 204


async def test_a_reset_lifts_the_lock_of_the_account(auth):
    for _ in range(6):
        await auth.login(password="not this one at all")
    await forget(auth)
    token = token_in((await mailed(auth))[0])
    await auth.post("/api/auth/password/reset", {"token": token, "password": NEW})
    assert (await auth.login(password=NEW))[0] == 200


async def test_changing_ones_password_ends_the_other_sessions_and_keeps_this_one(auth):
    _, elsewhere = await auth.login()
    _, here = await auth.login()
    session = UUID(jwt.decode(here["access_token"], options={"verify_signature": False})["sid"])
    body = {"current_password": auth.password, "new_password": NEW}
    bearer = auth.bearer(session_id=session)
    assert (await auth.post("/api/auth/password/change", body, **bearer))[0] == 204
    assert (await auth.refresh(elsewhere["refresh_token"]))[0] == 401
    assert (await auth.refresh(here["refresh_token"]))[0] == 200
    assert (await auth.login(password=NEW))[0] == 200
