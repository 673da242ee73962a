"""State folders, ports and logs."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from nexus.runtimes import ports
from nexus.runtimes.home import SOCKET_PATH_LIMIT, Home, HomeError
from nexus.runtimes.process import ProcessRuntime, accounts, marks
from nexus.runtimes.process.logs import Log
from nexus.runtimes.process.register import Register
from nexus.runtimes.process.rotate import BLOCK, rotate


def test_sockets_have_short_names_even_below_a_deep_folder(tmp_path: Path) -> None:
    deep = Home.at(tmp_path / ("x" * 100))
    assert len(os.fsencode(deep.sockets("a" * 40) / "stats.sock")) <= SOCKET_PATH_LIMIT
    assert deep.run != Home.at(tmp_path / ("y" * 100)).run


@pytest.mark.skipif(os.geteuid() != 0, reason="only as root do services have users of their own")
def test_a_home_that_services_cannot_enter_is_refused_by_name(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    tmp_path.chmod(0o755)
    tmp_path.parent.chmod(0o755)
    tmp_path.parent.parent.chmod(0o755)
    with pytest.raises(HomeError, match=f"cannot enter {closed}"):
        Home.at(closed / "home").prepare()


def test_a_taken_port_and_its_holder_are_found() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        assert ports.state("127.0.0.1", port) == "taken"
        assert ports.state("0.0.0.0", port) == "taken"
        assert ports.holder(port).pid == os.getpid()
    assert ports.state("127.0.0.1", port) == "free"


def test_each_home_gets_ports_from_a_range_of_its_own(tmp_path: Path) -> None:
    first = next(ports.instance_ports(tmp_path / "a", ()))
    assert 10_000 <= first < 32_000
    assert next(ports.instance_ports(tmp_path / "a", ())) == first
    assert next(ports.instance_ports(tmp_path / "a", {first})) != first


def test_a_private_file_is_replaced_whole_and_readable_by_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    accounts.private_file(path, "one", None)
    accounts.private_file(path, "two", None)
    assert path.read_text() == "two"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_rotated_log_loses_no_line_while_its_writer_goes_on(tmp_path: Path) -> None:
    home = Home.at(tmp_path)
    home.logs.mkdir()
    path = home.log("till")
    lines = [f"line {number:08d}" for number in range(200_000)]
    with open(path, "ab", buffering=0) as writer:
        writer.write("".join(f"{line}\n" for line in lines[:-1]).encode())
        assert rotate(path, BLOCK)
        writer.write(f"{lines[-1]}\n".encode())
    assert path.stat().st_blocks * 512 <= 2 * BLOCK, "the disk space is free again"
    old = path.with_name("till.log.1").read_bytes()
    assert (old + path.read_bytes().lstrip(b"\0")).decode().splitlines() == lines
    assert not rotate(path, 2 * BLOCK)


def test_a_log_shows_its_last_lines_across_a_rotation_and_then_what_is_new(tmp_path: Path) -> None:
    home = Home.at(tmp_path)
    home.logs.mkdir()
    home.log("till").write_text("c\nd\n")
    home.log("till").with_name("till.log.1").write_text("a\nb\n")
    log = Log(home, "till")
    assert log.last(3) == ["b", "c", "d"]
    with open(home.log("till"), "a") as writer:
        writer.write("e\nhalf")
        writer.flush()
        assert log.new() == ["e"]
        writer.write(" done\n")
    assert log.new() == ["half done"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Home]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small disk needs root and the right to mount")
    home = Home.at(folder)
    home.logs.mkdir()
    yield home
    subprocess.run(["umount", "-l", str(folder)], check=True)


def used(home: Home, service: str) -> int:
    return home.log(service).stat().st_blocks * 512


def test_a_log_too_large_for_its_disk_keeps_no_other_from_its_rotation(
    small_disk: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nexus.runtimes.process.runtime.LOG_LIMIT", BLOCK)
    whole = b"line\n" * (12 * BLOCK // 5)
    small_disk.log("till").write_bytes(whole)
    small_disk.log("bank").write_bytes(whole[: 3 * BLOCK])
    runtime = ProcessRuntime(small_disk, Register(small_disk.root.parent / "register"))
    runtime.rotate_logs(["till", "bank"])
    assert used(small_disk, "bank") <= BLOCK
    assert small_disk.log("till").read_bytes() == whole, "nobody has read it, and it fits nowhere"
    assert not small_disk.log("till").with_name("till.log.1.new").exists()
    with open(small_disk.log("till"), "rb") as log:
        marks.set_read_until(log.fileno(), len(whole))
    runtime.rotate_logs(["till"])
    assert used(small_disk, "till") <= BLOCK, "it was read: it may go"
    with open(small_disk.log("till"), "rb") as log:
        assert marks.cut(log.fileno()).lines == whole[: len(whole) // BLOCK * BLOCK].count(b"\n")


def test_what_was_rotated_before_makes_room_on_a_full_disk(small_disk: Home) -> None:
    path = small_disk.log("till")
    path.with_name("till.log.1").write_bytes(b"old\n" * (9 * BLOCK // 4))
    path.write_bytes(b"new\n" * (9 * BLOCK // 4))
    assert rotate(path, BLOCK)
    assert path.with_name("till.log.1").read_bytes() == b"new\n" * (9 * BLOCK // 4)
    assert used(small_disk, "till") == 0
