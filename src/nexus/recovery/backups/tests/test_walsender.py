"""The replication connection says what the server says, and gives way at once when it is asked to."""

from __future__ import annotations

import asyncio
import socket
import threading

import pytest

from nexus.recovery.backups.basebackup import Wish, copying, kilobytes
from nexus.recovery.backups.tests.shop import Shop
from nexus.recovery.backups.walsender import Walsender
from nexus.recovery.errors import RecoveryFailed


def test_a_wrong_password_is_told(living: Shop) -> None:
    with pytest.raises(RecoveryFailed, match='password authentication failed for user "postgres"'):
        Walsender.connect(living.url.replace(":test@", ":wrong@"), "test")


def test_a_server_that_is_away_is_told() -> None:
    with pytest.raises(RecoveryFailed, match="is it up"):
        Walsender.connect("postgresql://postgres:x@127.0.0.1:1/postgres", "test")


def test_one_that_hangs_up_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            connection.recv(1000)
            connection.close()

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(RecoveryFailed, match="hung up"):
            Walsender.connect(f"postgresql://postgres:x@127.0.0.1:{server.getsockname()[1]}/postgres", "test")
        thread.join()


def test_what_the_server_refuses_is_told_in_its_words(living: Shop) -> None:
    sender = Walsender.connect(living.url, "test")
    sender.send("IDENTIFY_SYSTEM")
    ((system, *_),) = sender.rows()
    assert system is not None
    assert system.isdigit()
    sender.until_ready()
    sender.send("BASE_BACKUP (NONSENSE true)")
    with pytest.raises(RecoveryFailed, match="unrecognized base backup option"):
        sender.rows()
    sender.close()


async def test_a_manifest_of_another_cluster_is_refused(living: Shop) -> None:
    text = (
        b'{ "PostgreSQL-Backup-Manifest-Version": 2, "System-Identifier": 1, "Files": [], "WAL-Ranges": []}'
    )
    async with copying(living.url, Wish("test", "fast", text)) as copy:
        with pytest.raises(RecoveryFailed, match="the database says"):
            await copy.read(memoryview(bytearray(1 << 20)))


async def test_who_leaves_in_the_middle_waits_for_nobody(living: Shop) -> None:
    async with asyncio.timeout(60):
        async with copying(living.url, Wish("test", "fast", max_rate=64)) as copy:
            reading = asyncio.create_task(copy.read(memoryview(bytearray(64 << 20))))
            while not await living.ask("SELECT count(*) FROM pg_stat_replication WHERE state = 'backup'"):
                await asyncio.sleep(0.02)
            reading.cancel()
        assert reading.done() or await asyncio.wait({reading})
        while await living.ask("SELECT count(*) FROM pg_stat_replication"):
            await asyncio.sleep(0.02)


def test_rates_are_written_as_pg_basebackup_takes_them() -> None:
    assert [kilobytes(each) for each in (None, 32 << 10, 50 << 20)] == [None, 32, 51_200]
