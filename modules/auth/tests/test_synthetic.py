"""The account of synthetic probes: signs in, and is good for nothing else."""

from uuid import UUID

import pytest
from nexus_auth.domain.lockout import ADDRESS
from nexus_kit import SYNTHETIC_COMPANY

EMAIL = "probe@synthetic.invalid"
USER = UUID("00000000-0000-7000-8000-000000000003")


def probe_password(auth) -> str:
    return auth.process.secret("probe_password")


@pytest.fixture
def password(auth) -> str:
    return probe_password(auth)


async def test_it_signs_in_with_the_platform_s_secret_and_may_only_order(auth, password):
    status, answer = await auth.login(EMAIL, password)
    assert status == 200
    assert answer["user"]["company_id"] == str(SYNTHETIC_COMPANY)
    assert answer["user"]["permissions"] == ["sales.order.read", "sales.order.write"]
    assert (await auth.login(EMAIL, "guessed-and-wrong-password"))[0] == 401


async def test_nobody_locks_it_and_whoever_tries_is_locked_by_address(auth, password):
    guesser = {"X-Forwarded-For": "203.0.113.77"}
    for guess in range(ADDRESS.free):
        assert (await auth.login(EMAIL, f"guess-{guess}-and-wrong", **guesser))[0] == 401
    assert (await auth.login(EMAIL, password, **guesser))[0] == 429
    assert (await auth.login(EMAIL, password))[0] == 200


async def test_its_sign_ins_and_sessions_are_counted_nowhere(auth, password):
    async def numbers() -> dict:
        async with auth.process.http.get("/health/business") as answer:
            return (await answer.json())["numbers"]

    before = await numbers()
    for _ in range(3):
        assert (await auth.login(EMAIL, password))[0] == 200
    assert await numbers() == before
    assert (await auth.login())[0] == 200
    assert (await numbers())["logins_15m"] == before["logins_15m"] + 1


async def test_its_password_cannot_be_changed_or_reset(auth, password):
    who = auth.bearer(company_id=SYNTHETIC_COMPANY, user_id=USER)
    body = {"current_password": password, "new_password": "another-password-altogether"}
    status, _ = await auth.post("/api/auth/password/change", body, **who)
    assert status == 403
    await auth.post("/api/auth/password/forgot", {"email": EMAIL})
    admin = auth.process.admin
    await auth.process.wait(lambda: admin.fetchval("SELECT NOT EXISTS (SELECT FROM reset_requests)"))
    assert await admin.fetchval("SELECT count(*) FROM password_resets") == 0
    assert (await auth.login(EMAIL, password))[0] == 200


async def test_what_it_left_is_removed_after_a_day(start_auth):
    auth = await start_auth()
    password = probe_password(auth)
    assert (await auth.login(EMAIL, password))[0] == 200
    assert (await auth.login())[0] == 200
    admin = auth.process.admin
    for table in ("sessions", "login_attempts"):
        await admin.execute(f"UPDATE {table} SET created_at = now() - interval '25 hours'")
    await auth.process.stop()
    await auth.process.start()
    count = "SELECT count(*) FROM sessions WHERE synthetic"
    await auth.process.wait(lambda: admin.fetchval(f"SELECT ({count}) = 0"))
    for table in ("sessions", "login_attempts"):
        kept = await admin.fetch(f"SELECT DISTINCT synthetic FROM {table}")
        assert [row["synthetic"] for row in kept] == [False]
