"""A tar that passes by in pieces of any size is understood as a whole one is."""

from __future__ import annotations

import io
import random
import tarfile

import pytest

from nexus.recovery.backups.tarstream import TarStream
from nexus.recovery.errors import RecoveryFailed


def tar(files: dict[str, bytes]) -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w", format=tarfile.USTAR_FORMAT) as made:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            made.addfile(member, io.BytesIO(content))
    return held.getvalue()


@pytest.mark.parametrize("seed", range(20))
def test_pieces_of_any_size(seed: int) -> None:
    chance = random.Random(seed)
    files = {f"base/{n}": chance.randbytes(chance.choice([0, 1, 511, 512, 513, 9000])) for n in range(20)}
    files |= {"backup_label": b"START", "a" * 90 + "/" + "b" * 60: b"long", "backup_manifest": b"{}" * 999}
    data, stream, at = memoryview(tar(files)), TarStream(("backup_label", "backup_manifest")), 0
    while at < len(data):
        step = chance.choice([1, 7, 512, 5000, 100_000])
        stream.feed(data[at : at + step])
        at += step
    assert stream.ended
    assert stream.files == len(files)
    assert stream.kept == {name: files[name] for name in ("backup_label", "backup_manifest")}


def test_a_tar_that_is_cut_has_not_ended() -> None:
    stream = TarStream(())
    stream.feed(memoryview(tar({"a": b"x" * 2000})[:1500]))
    assert not stream.ended


def test_what_is_no_tar_is_told() -> None:
    with pytest.raises(RecoveryFailed, match="no tar"):
        TarStream(()).feed(memoryview(b"pg_basebackup: error" * 100))


def test_files_beyond_8_gb_have_their_size_in_binary() -> None:
    member = tarfile.TarInfo("base/1")
    member.size = 10 << 30
    head = member.tobuf(tarfile.GNU_FORMAT)
    stream = TarStream(())
    stream.feed(memoryview(head))
    assert stream._left == 10 << 30
