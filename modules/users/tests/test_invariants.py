"""The module's invariants hold after use, and each of them sees a breach."""

from pathlib import Path

FOLDER = Path(__file__).parents[1] / "invariants"
BREACHES = {
    "companies_keep_an_administrator": "DELETE FROM user_roles",
    "roles_never_inherit_in_a_circle": "INSERT INTO role_parents"
    " SELECT company_id, parent_id, role_id FROM role_parents",
    "sign_in_agrees_with_users": "UPDATE auth.credentials SET permissions = '{}'",
}
SIGN_IN = """
CREATE SCHEMA auth;
CREATE TABLE auth.credentials AS
    SELECT id AS user_id, company_id, email, '{*}'::text[] AS permissions, true AS enabled
    FROM users WHERE NOT synthetic;
UPDATE users SET updated_at = now() - interval '1 hour';
"""


async def test_invariants_hold_after_use_and_see_each_breach(users):
    admin = users.process.admin
    base = await users.role("Base", ["*"])
    heir = await users.role("Heir", [], [base])
    ana = await users.person("ana@example.com", heir)
    await users.good("POST", f"/{users.admin_id}/disable", user_id=ana)
    await users.good("POST", f"/{users.admin_id}/enable", user_id=ana)
    await admin.execute(SIGN_IN)
    assert {path.stem for path in FOLDER.glob("*.sql")} == set(BREACHES)
    for name, breach in BREACHES.items():
        sql = (FOLDER / f"{name}.sql").read_text()
        assert await admin.fetch(sql) == [], name
        transaction = admin.transaction()
        await transaction.start()
        await admin.execute(breach)
        assert await admin.fetch(sql), name
        await transaction.rollback()
