import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg

from nexus.telemetry.scrape.postgres_queries import BIGGEST_TABLES
from nexus.telemetry.scrape.tests.conftest import FAST, Scraping, answers, instance, points
from nexus.telemetry.scrape.valkey import group_samples, info_samples, reached
from nexus.telemetry.store import Store
from nexus.telemetry.targets import ServiceTarget, Targets

MONITOR = """
CREATE ROLE watcher LOGIN PASSWORD 'watching';
GRANT pg_monitor, pg_read_all_data TO watcher;
"""


def server(kind: str, address: str, secrets: dict[str, str]) -> Targets:
    target = ServiceTarget(kind, "database", kind, 0, address, "", "", "", "", secret_files=secrets)
    return Targets("s", "/", "process", services=(target,), instances=(instance(kind, address=address),))


async def test_postgres_tells_what_it_does(
    store: Store, start_postgres: Callable[..., Any], tmp_path: Path, scraping: Scraping
) -> None:
    pg = start_postgres()
    admin = await asyncpg.connect(pg.admin_dsn)
    await admin.execute(MONITOR)
    await admin.execute("CREATE DATABASE books")
    await admin.close()
    shop = await asyncpg.connect(pg.dsn("postgres", "books", pg.password))
    await shop.execute("CREATE SCHEMA shop")
    for number in range(BIGGEST_TABLES + 3):
        await shop.execute(f"CREATE TABLE shop.t{number} AS SELECT generate_series(1, {number + 1}) AS n")
    await shop.execute("DELETE FROM shop.t22")
    url = tmp_path / "check_url"
    url.write_text(pg.dsn("watcher", "books", "watching"))
    waiting = await asyncpg.connect(pg.dsn("postgres", "books", pg.password))
    held = shop.transaction()
    await held.start()
    await shop.execute("LOCK TABLE shop.t0")
    blocked = asyncio.create_task(waiting.execute("SELECT * FROM shop.t0"))
    await asyncio.sleep(0.3)

    scraper = await scraping(server("postgres", "", {"check_url": str(url)}))
    assert scraper.facts()["faults"] == {}
    found = points(store)

    def of(name: str, *labels: str) -> float:
        return found[(name, *labels)]

    one = ("postgres-1", "postgres")
    assert of("up", *one) == 1.0
    assert of("pg_settings_max_connections", *one) >= 20
    assert of("pg_locks_waiting", *one) == 1.0
    assert of("pg_stat_activity_waiting", "books", *one, "Lock") == 1.0
    assert of("pg_stat_activity_count", "books", *one, "idle in transaction", "postgres") == 1.0
    assert of("pg_oldest_transaction_age_seconds", *one) > 0.2
    assert of("pg_database_size_bytes", "books", *one) > 1 << 20
    assert of("pg_stat_database_xact_commit", "books", *one) > 0
    assert of("pg_wal_position_bytes_total", *one) > 1 << 20
    assert of("pg_stat_archiver_failed_count", *one) == 0.0
    assert ("pg_stat_checkpointer_num_timed_total", *one) in found
    tables = [key for key in found if key[0] == "pg_stat_user_tables_table_size_bytes"]
    assert len(tables) == BIGGEST_TABLES
    assert ("pg_stat_user_tables_table_size_bytes", "books", *one, "t0", "shop") not in found

    await held.rollback()
    await blocked
    for connection in (shop, waiting):
        await connection.close()
    pg.kill()
    await asyncio.sleep(FAST.servers)
    await scraper.round()
    assert points(store)[("up", *one)] == 0.0
    assert "postgres-1" in scraper.facts()["faults"]
    assert [(question, ok) for _, _, question, ok, _ in answers(store)] == [("ready", True), ("ready", False)]


async def test_a_role_that_may_not_watch_still_tells_what_it_sees(
    store: Store, pg: Any, tmp_path: Path, scraping: Scraping
) -> None:
    admin = await asyncpg.connect(pg.admin_dsn)
    await admin.execute("DROP ROLE IF EXISTS blind")
    await admin.execute("CREATE ROLE blind LOGIN PASSWORD 'blind'")
    await admin.close()
    url = tmp_path / "check_url"
    url.write_text(pg.dsn("blind", "postgres", "blind"))
    await scraping(server("postgres", "", {"check_url": str(url)}))
    assert points(store)["up", "postgres-1", "postgres"] == 1.0
    assert ("pg_stat_database_deadlocks", "postgres", "postgres-1", "postgres") in points(store)


async def test_a_missing_secret_is_told(store: Store, tmp_path: Path, scraping: Scraping) -> None:
    scraper = await scraping(server("postgres", "", {"check_url": str(tmp_path / "nothing")}))
    assert points(store)["up", "postgres-1", "postgres"] == 0.0
    assert "nothing" in scraper.facts()["faults"]["postgres-1"]


async def test_valkey_tells_its_memory_and_how_far_readers_of_streams_are_behind(
    store: Store, start_valkey: Callable[..., Any], tmp_path: Path, scraping: Scraping
) -> None:
    from valkey.asyncio import Valkey

    server_ = start_valkey()
    client = Valkey.from_url(server_.url)
    for number in range(5):
        await client.xadd("sales.events", {"n": number})
    await client.xgroup_create("sales.events", "financial", "0")
    await client.xreadgroup("financial", "one", {"sales.events": ">"}, count=2)
    await client.set("plain", "x")
    url = tmp_path / "redis_url"
    url.write_text(server_.url)

    scraper = await scraping(server("valkey", "", {"redis_url": str(url)}))
    assert scraper.facts()["faults"] == {}
    found = points(store)
    one = ("valkey-1", "valkey")
    assert found["redis_stream_length", *one, "sales.events"] == 5.0
    assert found["redis_stream_group_lag", "financial", *one, "sales.events"] == 3.0
    assert found["redis_stream_group_messages_pending", "financial", *one, "sales.events"] == 2.0
    assert found["redis_memory_used_bytes", *one] > 100_000
    assert found["redis_db_keys", "db0", *one] == 2.0
    assert found["up", *one] == 1.0
    await client.aclose()
    server_.kill()
    await asyncio.sleep(FAST.servers)
    await scraper.round()
    assert points(store)[("up", *one)] == 0.0


def test_a_server_is_asked_where_this_machine_reaches_it() -> None:
    assert reached("redis://:pa%40ss@redis:6379/0", "127.0.0.1:27679") == "redis://:pa%40ss@127.0.0.1:27679/0"
    assert reached("redis://redis:6379", "") == "redis://redis:6379"
    assert reached("unix:///run/valkey.sock", "127.0.0.1:1") == "unix:///run/valkey.sock"


def test_a_lag_that_the_server_does_not_know_is_left_out() -> None:
    told = [{"name": "g", "consumers": 1, "pending": 2, "lag": None}]
    assert [sample.name for sample in group_samples("s", told)] == [
        "redis_stream_group_consumers",
        "redis_stream_group_messages_pending",
    ]


def test_a_server_that_tells_less_is_read_all_the_same() -> None:
    found = {
        sample.name: sample.value
        for sample in info_samples({"used_memory": 5, "aof_last_write_status": "err"})
    }
    assert found == {"redis_memory_used_bytes": 5.0, "redis_aof_last_write_status": 0.0}
