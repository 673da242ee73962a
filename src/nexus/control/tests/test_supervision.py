"""Small rules of supervision, and the guard's independence."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from nexus.control import guard, locks
from nexus.control.addresses import Refused, addresses
from nexus.control.processes.configs import skeleton
from nexus.control.processes.keeping import back_off
from nexus.control.processes.keys import to_pem
from nexus.stack import load_stack


def test_the_first_restart_is_immediate_and_later_ones_back_off_to_half_a_minute() -> None:
    assert [back_off(n) for n in (0, 1, 2, 3, 4)] == [0, 0, 0.25, 0.5, 1]
    assert back_off(50) == 30


def test_the_guard_starts_the_loop_while_it_is_to_be_kept_and_then_ends(tmp_path: Path) -> None:
    keep, control, own = tmp_path / "keep", tmp_path / "control", tmp_path / "guard"
    keep.touch()
    report = tmp_path / "report"
    program = f"import os; open({str(report)!r}, 'w').write('started'); os.unlink({str(keep)!r})"
    command = [sys.executable, "-I", "-S", guard.__file__, str(own), str(control), str(keep)]
    done = subprocess.run([*command, sys.executable, "-c", program], timeout=20, check=False)
    assert done.returncode == 0
    assert report.read_text() == "started"


def test_a_second_guard_ends_at_once(tmp_path: Path) -> None:
    own = tmp_path / "guard"
    held = locks.hold(own, 1.0)
    assert held is not None
    assert locks.held(own)
    command = [sys.executable, "-I", "-S", guard.__file__, str(own), str(tmp_path / "c"), str(tmp_path / "k")]
    assert subprocess.run([*command, "/bin/false"], timeout=10, check=False).returncode == 0
    held.close()
    assert locks.owner(own) is None


def test_a_lock_is_held_once(tmp_path: Path) -> None:
    first = locks.hold(tmp_path / "lock", 0.1)
    assert first is not None
    assert locks.hold(tmp_path / "lock", 0.05) is None
    first.close()


def test_an_offset_beyond_the_last_port_is_refused(tmp_path: Path) -> None:
    (tmp_path / "nexus.yaml").write_text(
        "{name: shop, infrastructure: {db: {kind: database, runtime: postgres, port: 5433}}}"
    )
    with pytest.raises(Refused, match="moves db to port 65536"):
        addresses(load_stack(tmp_path), 60103, {})


def test_instances_that_come_and_go_do_not_change_what_a_configuration_is() -> None:
    text = "backend x\n    option httpchk\n"
    assert skeleton(text) == skeleton(text + "    server x-1 127.0.0.1:9000\n")
    assert skeleton(text) != skeleton(text + "    timeout server 5s\n")


def test_only_rs256_keys_with_a_plain_name_are_taken_from_a_jwks_document() -> None:
    from cryptography.hazmat.primitives.asymmetric import rsa

    numbers = rsa.generate_private_key(65537, 2048).public_key().public_numbers()
    good = {"kty": "RSA", "alg": "RS256", "kid": "a-1", "n": _text(numbers.n), "e": _text(numbers.e)}
    others = [{**good, "kid": "../x"}, {**good, "kid": "b", "alg": "HS256"}, {"kty": "EC", "kid": "c"}]
    found = to_pem({"keys": [good, *others]})
    assert list(found) == ["a-1"]
    assert found["a-1"].startswith("-----BEGIN PUBLIC KEY-----")


def _text(number: int) -> str:
    import base64

    raw = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
