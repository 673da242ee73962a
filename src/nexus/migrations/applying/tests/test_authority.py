"""Whose rights a script has: those of the owner of its schema, whatever it says."""

from __future__ import annotations

import pytest

from nexus.migrations.applying.authority import check_authority
from nexus.migrations.applying.session_bound import check_outlives
from nexus.migrations.applying.tests.shop import Shop
from nexus.migrations.errors import MigrationFailed, MigrationUnreadable
from nexus.migrations.migration import Migration
from nexus.migrations.statements import statements

NONE = "-- nexus: transaction=none\n"
HIDDEN = "DO $$ BEGIN EXECUTE 'RESET ' || 'SESSION AUTHORIZATION'; DROP SCHEMA crm CASCADE; END $$;"


@pytest.mark.parametrize(
    "sql",
    [
        "SET ROLE postgres",
        "SET LOCAL ROLE NONE",
        "SET SESSION role TO postgres",
        "RESET ROLE",
        "RESET SESSION AUTHORIZATION",
        "SET SESSION AUTHORIZATION DEFAULT",
        "DISCARD ALL",
        "SELECT set_config('role', 'none', true)",
        "INSERT INTO t SELECT set_config( 'session_authorization', 'postgres', true)",
        "DO $$ BEGIN RESET /* now */ ROLE; END $$",
        "DO $$ BEGIN EXECUTE 'SET SESSION AUTHORIZATION postgres'; END $$",
    ],
)
def test_words_that_change_whose_rights_a_script_has_are_refused(sql: str) -> None:
    with pytest.raises(MigrationUnreadable, match=r":2: .*runs as the owner of its schema"):
        check_authority(statements(Migration("1_role", f"SELECT 1;\n{sql}", "")))


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE users SET role = 'admin'",
        "DO $$ BEGIN UPDATE users SET role = 'admin'; END $$",
        "CREATE TABLE users (role text)",
        "CREATE FUNCTION f() RETURNS void LANGUAGE sql BEGIN ATOMIC SELECT 1; END",
        "DISCARD TEMP",
        "RESET ALL",
        "ALTER TABLE users ENABLE ROW LEVEL SECURITY",
    ],
)
def test_other_words_are_let_be(sql: str) -> None:
    check_authority(statements(Migration("1_role", sql, "")))


@pytest.mark.parametrize("first", ["", NONE, "BEGIN;\n"])
async def test_one_that_hides_the_words_is_seen_and_rolled_back(shop: Shop, first: str) -> None:
    await shop.run("CREATE SCHEMA crm")
    shop.write("1_hides", f"{first}{HIDDEN}{'COMMIT;' if 'BEGIN' in first else ''}")
    with pytest.raises(MigrationFailed, match=r"it made itself postgres; a script runs as shop_owner"):
        await shop.apply()
    assert await shop.value("SELECT count(*) FROM pg_namespace WHERE nspname = 'crm'") == 1
    assert await shop.rows() == []


async def test_no_role_can_be_taken_that_the_owner_is_no_member_of(shop: Shop) -> None:
    shop.write("1_hides", "DO $$ BEGIN EXECUTE 'SET ' || 'ROLE pg_write_server_files'; END $$;")
    with pytest.raises(MigrationFailed, match="42501 permission denied to set role"):
        await shop.apply()


async def test_ours_stay_the_waits_whatever_a_script_sets(shop: Shop) -> None:
    shop.write(
        "1_waits",
        "SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0;"
        "CREATE TABLE one AS SELECT current_setting('lock_timeout') AS waits;",
    )
    shop.write(
        "2_waits",
        f"{NONE}SET lock_timeout = 0; CREATE TABLE two AS SELECT current_setting('lock_timeout') AS waits;",
    )
    await shop.apply()
    assert await shop.fetch("SELECT waits FROM one UNION ALL SELECT waits FROM two") == [("100ms",)] * 2


async def test_what_the_database_sets_for_all_is_not_in_the_way(shop: Shop) -> None:
    database = shop.dsn.rpartition("/")[2].partition("?")[0]
    plain = "SET transaction_timeout = 0; BEGIN READ WRITE; ALTER DATABASE"
    for setting in ("default_transaction_read_only = on", "transaction_timeout = '20ms'"):
        await shop.run(f"{plain} {database} SET {setting}; COMMIT")
        name = setting.split()[0]
        shop.write(f"1_{name}", "CREATE TABLE IF NOT EXISTS items AS SELECT 1 AS i FROM pg_sleep(0.05);")
        assert await shop.apply() == (f"1_{name}",)
        await shop.run(f"{plain} {database} RESET {name}; COMMIT")


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TEMP TABLE x (i int)",
        "CREATE TABLE pg_temp.x (i int)",
        "CREATE TEMPORARY TABLE x AS SELECT 1",
        "SELECT 1 AS i INTO TEMP x",
        "CREATE TEMP VIEW x AS SELECT 1",
        "CREATE TEMP SEQUENCE x",
        "PREPARE p AS SELECT 1",
        "LISTEN x",
        "DECLARE c CURSOR WITH HOLD FOR SELECT 1",
    ],
)
def test_what_ends_with_the_session_is_refused_where_a_script_may_go_on_in_another(sql: str) -> None:
    with pytest.raises(MigrationUnreadable, match=r":2: .*ends with the session"):
        check_outlives(statements(Migration("1_bound", f"SELECT 1;\n{sql}", "")))
    check_outlives(statements(Migration("1_bound", "CREATE TEMP TABLE x (i int) ON COMMIT DROP", "")))
