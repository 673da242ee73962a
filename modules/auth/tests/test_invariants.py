"""The module's invariants hold after use, and each of them sees a breach."""

from pathlib import Path

FOLDER = Path(__file__).parents[1] / "invariants"
BREACHES = {
    "disabled_accounts_have_no_session": "UPDATE credentials SET enabled = false",
    "one_signing_key_active": "DELETE FROM signing_keys WHERE state = 'next'",
    "refresh_families_never_fork": "UPDATE refresh_tokens SET used_at = NULL",
}


async def test_invariants_hold_after_use_and_see_each_breach(auth):
    admin = auth.process.admin
    _, session = await auth.login()
    await auth.refresh(session["refresh_token"])
    assert {path.stem for path in FOLDER.glob("*.sql")} == set(BREACHES)
    for name, breach in BREACHES.items():
        sql = (FOLDER / f"{name}.sql").read_text()
        assert await admin.fetch(sql) == [], name
        transaction = admin.transaction()
        await transaction.start()
        await admin.execute(breach)
        assert await admin.fetch(sql), name
        await transaction.rollback()
