"""Worker processes seal what `seal` seals, tell what is damaged, and end with whoever feeds them."""

from __future__ import annotations

import asyncio
import hashlib
import resource
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from nexus.recovery.errors import Damaged, NoRoom, RecoveryFailed, WrongKey
from nexus.recovery.sealing import Keys, new_identity, recipient_of, seal, sealers, unseal

OWN = new_identity()
KEYS = Keys((recipient_of(OWN),), OWN)
KILLED = """
import asyncio
from nexus.recovery.sealing import Keys, new_identity, recipient_of, sealers
async def work():
    own = new_identity()
    async with sealers(Keys((recipient_of(own),), own), 2) as workers:
        async with workers.slot() as slot:
            jobs = [workers.seal(slot, 10, "a", __import__("pathlib").Path("/dev/null")) for _ in range(2)]
            await asyncio.gather(*jobs)
        print("ready", flush=True)
        await asyncio.sleep(60)
asyncio.run(work())
"""


async def test_many_pieces_at_once_are_each_what_they_were(tmp_path: Path) -> None:
    async with sealers(KEYS, 2, bytes=1 << 20) as workers:

        async def through(number: int) -> None:
            data = f"piece {number}\n".encode() * 10_000
            async with workers.slot() as slot:
                slot.memory[: len(data)] = data
                size, digest = await workers.seal(slot, len(data), f"k/{number}", tmp_path / f"{number}")
            sealed = (tmp_path / f"{number}").read_bytes()
            assert (len(sealed), hashlib.sha256(sealed).hexdigest()) == (size, digest)
            assert unseal(f"k/{number}", sealed, KEYS) == data
            async with workers.slot() as slot:
                count = await workers.unseal(slot, f"k/{number}", tmp_path / f"{number}", digest)
                assert bytes(slot.memory[:count]) == data

        await asyncio.gather(*map(through, range(12)))


async def test_no_more_workers_are_started_than_there_is_work_for(tmp_path: Path) -> None:
    async with sealers(KEYS, 3, bytes=4096) as workers, workers.slot() as slot:
        for _ in range(3):
            await workers.seal(slot, 10, "a", tmp_path / "a")
        assert len(workers.pids) == 1
        await asyncio.gather(*(workers.seal(slot, 10, f"{each}", tmp_path / f"{each}") for each in range(9)))
        assert len(workers.pids) == 3


async def test_who_cannot_be_started_late_is_done_without(tmp_path: Path) -> None:
    async with sealers(KEYS, 3, bytes=4096) as workers, workers.slot() as slot:
        usual = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, usual[1]))  # no pipe to a further one can be made
        try:
            jobs = (workers.seal(slot, 10, f"{each}", tmp_path / f"{each}") for each in range(4))
            await asyncio.gather(*jobs)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, usual)
        assert len(workers.pids) == 1
        assert len(list(tmp_path.iterdir())) == 4


async def test_what_is_wrong_is_told_and_the_workers_go_on(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes(seal("a", b"x" * 1000, KEYS))
    async with sealers(KEYS, 1, bytes=1 << 20) as workers, workers.slot() as slot:
        for key, digest, kind in (("b", "", Damaged), ("a", "0" * 64, Damaged)):
            with pytest.raises(kind):
                await workers.unseal(slot, key, file, digest)
        with pytest.raises(RecoveryFailed, match="No such file"):
            await workers.unseal(slot, "a", tmp_path / "none")
        slot.memory[: 1 << 20] = b"y" * (1 << 20)
        with pytest.raises(NoRoom):
            await workers.seal(slot, 1 << 20, "a", Path("/dev/full"))
        assert await workers.unseal(slot, "a", file) == 1000
    others = Keys(KEYS.recipients, new_identity())
    async with sealers(others, 1, bytes=1 << 20) as workers, workers.slot() as slot:
        with pytest.raises(WrongKey):
            await workers.unseal(slot, "a", file)


async def test_a_piece_larger_than_any_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes(seal("a", bytes(5000), KEYS))
    async with sealers(KEYS, 1, bytes=4096) as workers, workers.slot() as slot:
        with pytest.raises(Damaged, match="more than any piece"):
            await workers.unseal(slot, "a", file)


async def test_a_worker_that_is_killed_is_told(tmp_path: Path) -> None:
    async with sealers(KEYS, 1, bytes=4096) as workers, workers.slot() as slot:
        await workers.seal(slot, 10, "a", tmp_path / "a")
        (child,) = (
            each for each in psutil.Process().children() if "nexus.recovery.sealing.worker" in each.cmdline()
        )
        child.kill()
        with pytest.raises(RecoveryFailed, match="ended with -9"):
            await workers.seal(slot, 10, "b", tmp_path / "b")


def test_they_end_with_whoever_feeds_them() -> None:
    process = subprocess.Popen([sys.executable, "-c", KILLED], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    children = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.wait()
    process.stdout.close()
    assert len(children) == 2
    assert psutil.wait_procs(children, timeout=30)[1] == []
