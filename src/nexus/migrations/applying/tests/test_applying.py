from __future__ import annotations

import asyncio

import pytest

from nexus.migrations import MigrationError
from nexus.migrations.applying.tests.shop import SCHEMA, Shop
from nexus.migrations.errors import HistoryBroken, MigrationFailed, MigrationUnreadable

ITEMS = "CREATE TABLE items (id int PRIMARY KEY, n int NOT NULL DEFAULT 0);"
NONE = "-- nexus: transaction=none\n"


async def test_two_who_apply_at_once_apply_everything_once(shop: Shop) -> None:
    shop.write("1_items", ITEMS)
    for number in range(2, 12):
        shop.write(f"2_{number:02}_row", f"INSERT INTO items VALUES ({number});")
    shop.write("1_items", ITEMS)
    done = await asyncio.gather(*(shop.apply() for _ in range(4)))
    assert sorted(map(len, done)) == [0, 0, 0, 11]
    assert await shop.value("SELECT count(*) FROM items") == 10


async def test_a_restore_point_is_made_before_and_the_script_kept(shop: Shop) -> None:
    path = shop.write("20260101000000_items", ITEMS)
    await shop.apply()
    ((point, outcome, one),) = await shop.fetch(
        "SELECT restore_point, outcome, one_transaction FROM nexus.migration_run"
    )
    assert point.startswith("nexus-shop-20260101000000_items-")
    assert (outcome, one) == ("applied", True)
    assert (shop.told[0].kind, shop.told[0].detail["name"]) == ("restore-point", point)
    assert await shop.value("SELECT content FROM nexus.script") == path.read_text()
    assert await shop.apply() == ()
    assert shop.kinds() == ["restore-point", "started", "statement", "finished"]


async def test_the_owner_of_a_schema_may_not_touch_what_is_remembered(shop: Shop) -> None:
    shop.write("1_items", ITEMS)
    await shop.apply()
    shop.write("2_forge", "UPDATE nexus.migration_run SET outcome = 'failed';")
    with pytest.raises(MigrationFailed, match="42501 permission denied for schema nexus"):
        await shop.apply()


@pytest.mark.parametrize(
    "text",
    [
        b"\xef\xbb\xbfCREATE TABLE a (i int);\r\n\r\nSELECT oops();\r\n",
        b"CREATE TABLE a (i int);\n/* \xc3\xa9 */\nSELECT oops();",
    ],
)
async def test_an_error_names_its_line_whatever_the_line_endings(shop: Shop, text: bytes) -> None:
    shop.write("1_oops", text)
    with pytest.raises(MigrationFailed, match=r"42883 .*oops.*\(line 3\); hint: ") as failed:
        await shop.apply()
    assert failed.value.code == "P3018"
    assert await shop.rows() == [("1_oops", "failed")]
    assert await shop.fetch("SELECT FROM pg_class WHERE relname = 'a'") == []


async def test_one_of_many_rows_is_named(shop: Shop) -> None:
    rows = "\n".join(f"INSERT INTO items VALUES ({number}); -- row {number}" for number in range(1, 400))
    shop.write("1_items", f"{ITEMS}\n{rows}\nINSERT INTO items\n VALUES (7);\nINSERT INTO items VALUES (0);")
    with pytest.raises(MigrationFailed, match=r"23505 .*\(line 401\); Key \(id\)=\(7\) already exists"):
        await shop.apply()
    shop.write("1_items", f"{ITEMS}\n{rows}")
    await shop.rolled_back("1_items")
    await shop.apply()
    assert await shop.value("SELECT count(*) FROM items") == 399


async def test_what_is_deferred_fails_before_anything_is_recorded(shop: Shop) -> None:
    shop.write(
        "1_items",
        f"{ITEMS} CREATE TABLE lines (item int REFERENCES items DEFERRABLE INITIALLY DEFERRED);"
        " INSERT INTO lines VALUES (1);",
    )
    with pytest.raises(MigrationFailed, match="23503 "):
        await shop.apply()
    assert await shop.rows() == [("1_items", "failed")]


async def test_nothing_that_a_script_sets_reaches_the_next(shop: Shop) -> None:
    shop.write(
        "1_sets",
        "SET search_path = public; SET lock_timeout = 0; SET work_mem = '7MB';"
        "CREATE TEMP TABLE items (wrong text); PREPARE p AS SELECT 1; LISTEN x; DEALLOCATE ALL;"
        "PREPARE p AS SELECT 2;",
    )
    shop.write(
        "2_items",
        f"{ITEMS} PREPARE p AS SELECT 3; CREATE TABLE seen AS SELECT current_setting('work_mem') AS mem;",
    )
    shop.write("3_more", "CREATE TABLE more (i int);")
    await shop.apply()
    owners = dict(
        await shop.fetch("SELECT tablename, tableowner FROM pg_tables WHERE schemaname = $1", SCHEMA)
    )
    assert owners.pop("_prisma_migrations") == "shop_owner"
    assert owners == {"items": "shop_owner", "seen": "shop_owner", "more": "shop_owner"}
    assert await shop.value("SELECT mem FROM seen") != "7MB"


async def test_outside_a_transaction_what_is_set_lasts_until_the_end(shop: Shop) -> None:
    shop.write(
        "1_sets",
        f"{NONE}SET work_mem = '7MB';\nCREATE TABLE kept AS SELECT current_setting('work_mem') AS mem;\n"
        "CREATE TABLE seen AS SELECT mem, current_setting('work_mem') AS now FROM kept;",
    )
    await shop.apply()
    assert await shop.fetch("SELECT mem, now FROM seen") == [("7MB", "7MB")]


async def test_a_script_may_make_transactions_of_its_own(shop: Shop) -> None:
    shop.write(
        "1_own",
        f"BEGIN;\n{ITEMS}\nSAVEPOINT s;\nINSERT INTO items VALUES (1);\nROLLBACK TO s;\nCOMMIT;\n"
        "BEGIN ISOLATION LEVEL SERIALIZABLE; -- again\nINSERT INTO items VALUES (2);\nROLLBACK;\n"
        "INSERT INTO items VALUES (3);",
    )
    await shop.apply()
    assert await shop.fetch("SELECT id FROM items") == [(3,)]
    assert await shop.fetch("SELECT state, count(*) FROM nexus.migration_step GROUP BY 1") == [("done", 10)]
    assert await shop.value("SELECT tableowner FROM pg_tables WHERE tablename = 'items'") == "shop_owner"


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("SELECT 1;\nCOMMIT;", ":2: COMMIT: no transaction is open here"),
        ("SELECT 1;\n\nBEGIN;\nSELECT 2;", ":3: BEGIN: this transaction is never ended"),
        ("BEGIN;\nVACUUM;\nCOMMIT;", ":2: VACUUM: VACUUM cannot stand between BEGIN and COMMIT"),
        ("BEGIN;\nPREPARE TRANSACTION 'x';", ":2: PREPARE TRANSACTION 'x': a prepared transaction keeps"),
        ("CREATE TABL x;", ":1: PostgreSQL's parser refuses it"),
    ],
)
async def test_a_script_that_cannot_work_is_refused_before_anything_is_done(
    shop: Shop, sql: str, why: str
) -> None:
    shop.write("1_items", ITEMS)
    shop.write("2_wrong", sql)
    with pytest.raises(MigrationUnreadable) as refused:
        await shop.apply()
    assert why in str(refused.value)
    assert await shop.rows() == []


async def test_a_block_may_commit_by_itself_outside_a_transaction(shop: Shop) -> None:
    block = "DO $$ BEGIN FOR i IN 1..3 LOOP INSERT INTO items VALUES (i); COMMIT; END LOOP; END $$;"
    shop.write("1_items", ITEMS + block)
    with pytest.raises(MigrationFailed, match=r"2D000 .*transaction=none"):
        await shop.apply()
    await shop.rolled_back("1_items")
    shop.write("1_items", f"{NONE}{ITEMS}{block}")
    await shop.apply()
    assert await shop.value("SELECT count(*) FROM items") == 3
    assert await shop.value("SELECT count(*) FROM nexus.migration_step WHERE state = 'done'") == 2


async def test_a_unique_index_that_failed_and_was_dropped_is_told_as_nothing_left(shop: Shop) -> None:
    shop.write("1_items", "CREATE TABLE items AS SELECT 1 AS id FROM generate_series(1, 2);")
    await shop.apply()
    path = shop.write("2_unique", "CREATE UNIQUE INDEX CONCURRENTLY one ON items (id);")
    with pytest.raises(MigrationFailed, match=r"23505 .*Nothing of it is in the database"):
        await shop.apply()
    assert await shop.value("SELECT count(*) FROM nexus.migration_step") == 0
    await shop.rolled_back("2_unique")
    path.write_text("CREATE INDEX CONCURRENTLY one ON items (id);")
    assert await shop.apply() == ("2_unique",)


COMMITS = (
    "DO $$ BEGIN UPDATE items SET id = id + 1; COMMIT; LOCK TABLE held; UPDATE items SET id = id + 1; END $$;"
)


async def test_a_block_that_commits_by_itself_is_not_run_twice(shop: Shop) -> None:
    shop.write("0_items", f"{ITEMS} INSERT INTO items VALUES (0); CREATE TABLE held (i int);")
    await shop.apply()
    path = shop.write("1_commits", f"{NONE}{COMMITS}")
    async with shop.connection() as holder, holder.transaction():
        await holder.execute("LOCK TABLE held")
        with pytest.raises(
            MigrationFailed, match=r"55P03 .*a part of it may be done.*begun: line 2.*--resume"
        ):
            await shop.apply()
    assert await shop.value("SELECT id FROM items") == 1
    await shop.resumed("1_commits")
    with pytest.raises(MigrationFailed, match=r"was interrupted\. It commits by itself"):
        await shop.apply()
    await shop.resumed("1_commits")
    path.write_text(f"{NONE}UPDATE items SET id = id + 1;")
    await shop.apply()
    assert await shop.value("SELECT id FROM items") == 2


HALF = (
    f"{NONE}{ITEMS}\nINSERT INTO items VALUES (1);\nINSERT INTO items VALUES (1);\nCREATE TABLE more (i int);"
)


async def test_what_fails_half_way_says_what_is_done_and_goes_on_behind_it(shop: Shop) -> None:
    shop.write("1_half", HALF)
    with pytest.raises(
        MigrationFailed, match=r"done: lines 2, 3; not begun: lines 4, 5\. .*shop --resume 1_half"
    ):
        await shop.apply()
    with pytest.raises(HistoryBroken, match="done: lines 2, 3") as refused:
        await shop.apply()
    assert refused.value.code == "P3009"
    await shop.resumed("1_half")
    shop.write(
        "1_half", HALF.replace("VALUES (1);\nCREATE", "VALUES (2);\nCREATE").replace("\nINS", "\n\nINS")
    )
    shop.told.clear()
    await shop.apply()
    assert await shop.fetch("SELECT id FROM items ORDER BY id") == [(1,), (2,)]
    (resumed,) = [each for each in shop.told if each.kind == "resumed"]
    assert resumed.sentence == "goes on at line 6; 2 of 4 statements were done before"
    assert await shop.rows() == [("1_half", "rolled back"), ("1_half", "applied")]


async def test_what_is_resumed_unchanged_fails_where_it_failed(shop: Shop) -> None:
    shop.write("1_half", HALF)
    for _ in range(2):
        with pytest.raises(MigrationFailed, match="done: lines 2, 3; not begun"):
            await shop.apply()
        await shop.resumed("1_half")
    assert await shop.rows() == [("1_half", "running")]
    shop.write("1_half", HALF.removeprefix(NONE))
    with pytest.raises(MigrationFailed, match="is one transaction now: what is done would be done twice"):
        await shop.apply()
    assert await shop.rows() == [("1_half", "running")]


async def test_only_what_failed_half_way_is_resumed(shop: Shop) -> None:
    shop.write("1_whole", "SELECT 1 / 0;")
    with pytest.raises(HistoryBroken, match="never applied"):
        await shop.resumed("1_whole")
    with pytest.raises(MigrationFailed):
        await shop.apply()
    with pytest.raises(HistoryBroken, match="what failed of it was one transaction"):
        await shop.resumed("1_whole")


async def test_what_was_rolled_back_is_all_run_again(shop: Shop) -> None:
    """Even where nothing shows that it was taken back: rows, defaults, NOT NULL."""
    half = f"{NONE}INSERT INTO items VALUES (1);\nALTER TABLE items ALTER id SET DEFAULT 7;\n"
    shop.write("0_items", ITEMS)
    shop.write("1_half", f"{half}SELECT 1 / 0;")
    with pytest.raises(MigrationFailed):
        await shop.apply()
    await shop.run("DELETE FROM items; ALTER TABLE items ALTER id DROP DEFAULT")
    await shop.rolled_back("1_half")
    shop.write("1_half", f"{half}INSERT INTO items DEFAULT VALUES;")
    await shop.apply()
    assert await shop.fetch("SELECT id FROM items ORDER BY id") == [(1,), (7,)]


async def test_what_was_undone_by_hand_is_all_run_again(shop: Shop) -> None:
    shop.write("1_half", HALF)
    with pytest.raises(MigrationFailed):
        await shop.apply()
    await shop.run("DROP TABLE items")
    await shop.rolled_back("1_half")
    shop.write("1_half", HALF.replace("VALUES (1);\nCREATE", "VALUES (2);\nCREATE"))
    await shop.apply()
    assert await shop.fetch("SELECT id FROM items ORDER BY id") == [(1,), (2,)]


async def test_only_what_is_named_is_applied_and_nothing_is_overtaken(shop: Shop) -> None:
    for name in ("1_a", "2_b", "3_c"):
        shop.write(name, f"CREATE TABLE {name[2:]} (i int);")
    with pytest.raises(HistoryBroken, match="2_b comes before 3_c and is not applied"):
        await shop.apply(names={"1_a", "3_c"})
    with pytest.raises(HistoryBroken, match="no migration 4_d") as refused:
        await shop.apply(names={"4_d"})
    assert refused.value.code == "P3017"
    assert await shop.apply(names={"1_a", "2_b"}) == ("1_a", "2_b")
    shop.write("2_b2", "-- nexus: phase=contract\nALTER TABLE a DROP COLUMN i;")
    with pytest.raises(HistoryBroken, match="2_b2 comes before 3_c and is not applied"):
        await shop.apply(names={"3_c"})
    assert await shop.apply() == ("2_b2", "3_c")


async def test_an_operator_who_cancels_leaves_nothing_that_must_be_resolved(shop: Shop) -> None:
    shop.write("1_slow", "CREATE TABLE a (i int); SELECT pg_sleep(60);")
    with pytest.raises(MigrationError, match=r"57014 .*statement_timeout.*apply again") as stopped:
        await shop.apply(statement_timeout=0.05)
    assert isinstance(stopped.value, MigrationFailed)
    assert await shop.rows() == []
    shop.write("1_slow", "CREATE TABLE a (i int);")
    assert await shop.apply() == ("1_slow",)


async def test_a_schema_that_nobody_made_is_told_before_anything_is_done(shop: Shop) -> None:
    shop.write("1_items", ITEMS)
    await shop.run("DROP SCHEMA shop")
    with pytest.raises(
        HistoryBroken, match="the schema shop is missing in this database; `nexus up` makes it"
    ):
        await shop.apply()
    await shop.run("CREATE SCHEMA shop; DROP OWNED BY shop_owner; ALTER ROLE shop_owner RENAME TO gone_owner")
    try:
        with pytest.raises(HistoryBroken, match="the role shop_owner, who owns the schema shop, is missing"):
            await shop.apply()
    finally:
        await shop.run("ALTER ROLE gone_owner RENAME TO shop_owner")


async def test_empty_scripts_are_migrations_too(shop: Shop) -> None:
    shop.write("1_empty", "")
    shop.write("2_remark", "-- nothing\n")
    shop.write("3_none", NONE)
    assert len(await shop.apply()) == 3
    assert {state for _, state in await shop.rows()} == {"applied"}
