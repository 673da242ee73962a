"""The probe as an orchestrator runs it: a process of its own, beside something that answers."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

PROBE = Path(__file__).parents[1] / "nexus_kit" / "probe.py"


class Instance(ThreadingHTTPServer):
    """Answers what `says` holds, and notes what it was asked."""

    def __init__(self) -> None:
        self.says: dict[str, tuple[int, str]] = {}
        self.asked: list[str] = []
        super().__init__(("127.0.0.1", 0), Answer)


class Answer(BaseHTTPRequestHandler):
    server: Instance

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        status, body = self.server.says.get(self.path, (404, "unknown"))
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format: str, *arguments: object) -> None:
        return


@pytest.fixture
def instance() -> Iterator[Instance]:
    with Instance() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def probe(port: object, tmp_path: Path, *arguments: str, **env: str) -> tuple[int, str]:
    """Its exit code and what it said; its marker lies in the test's own folder."""
    program = PROBE.read_text().replace("/tmp/", f"{tmp_path}/")
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-", *arguments],
        input=program,
        env={"PORT": str(port), **env},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    return done.returncode, done.stdout.strip()


def test_a_ready_instance_is_well(instance: Instance, tmp_path: Path) -> None:
    instance.says["/health/ready"] = (200, "{}")
    assert probe(instance.server_port, tmp_path) == (0, "")
    assert instance.asked == ["/health/ready"]


def test_an_instance_that_is_not_ready_is_unwell_and_says_why(instance: Instance, tmp_path: Path) -> None:
    instance.says["/health/ready"] = (503, "the database is away " + "x" * 500)
    code, said = probe(instance.server_port, tmp_path, "ready")
    assert code == 1
    assert "/health/ready HTTP/1.0 503" in said
    assert "the database is away" in said
    assert len(said) == 200


def test_paths_come_from_the_environment(instance: Instance, tmp_path: Path) -> None:
    instance.says["/up"] = (200, "")
    assert probe(instance.server_port, tmp_path, NEXUS_HEALTH_READY="/up") == (0, "")


def test_without_a_path_an_open_port_is_enough(instance: Instance, tmp_path: Path) -> None:
    assert probe(instance.server_port, tmp_path, NEXUS_HEALTH_READY="") == (0, "")
    instance.shutdown()
    instance.server_close()
    code, said = probe(instance.server_port, tmp_path, NEXUS_HEALTH_READY="")
    assert code == 1
    assert "refused" in said


def test_once_ready_an_instance_lives_on_while_its_database_is_away(
    instance: Instance, tmp_path: Path
) -> None:
    instance.says = {"/health/ready": (503, ""), "/health/live": (200, "")}
    assert probe(instance.server_port, tmp_path, "startup")[0] == 1
    instance.says["/health/ready"] = (200, "")
    assert probe(instance.server_port, tmp_path, "startup")[0] == 0
    instance.says["/health/ready"] = (503, "")
    assert probe(instance.server_port, tmp_path, "startup")[0] == 0
    assert probe(instance.server_port, tmp_path, "ready")[0] == 1
    instance.says["/health/live"] = (500, "")
    assert probe(instance.server_port, tmp_path, "startup")[0] == 1


def test_a_wrong_call_is_told_apart_from_an_unwell_instance(tmp_path: Path) -> None:
    assert probe("x", tmp_path)[0] == 2
    assert probe("80", tmp_path, "alive")[0] == 2


def test_nothing_costly_is_imported() -> None:
    program = f"import sys; sys.path.insert(0, {str(PROBE.parent)!r}); import probe; print(*sys.modules)"
    command = [sys.executable, "-I", "-S", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert not {"http", "urllib", "asyncio", "json", "re", "ssl"} & set(done.stdout.split())
