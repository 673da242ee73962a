"""A team's Compose project, adopted, runs on Nexus: it answers, and what it wrote before is still there."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from nexus.adoption import adopt, plan_files, write_files
from nexus.testing import ThrowawayStack, free_offset, throwaway_stack

pytestmark = [pytest.mark.docker, pytest.mark.stack, pytest.mark.timeout(300)]

NAME = f"adopted-{os.getpid()}"
SERVICES = ("web", "notes", "cache", "db")
COMPOSE = f"""\
name: {NAME}
services:
  web:
    image: nginx:1.30
    ports: ["8080:80"]
    volumes: ["./nginx:/etc/nginx/conf.d"]
    depends_on: [notes]
  notes:
    image: python:3.11-slim-bookworm
    command: [python, -u, /app/notes.py]
    environment: {{CACHE_HOST: cache, DB_HOST: db}}
    volumes: ["./app:/app", "notes:/data"]
    ports: ["8010:8000"]
    depends_on: {{db: {{condition: service_healthy}}, cache: {{condition: service_started}}}}
    healthcheck: {{test: [CMD, curl, -f, "http://localhost:8000/notes"]}}
  cache:
    image: valkey/valkey:9
  db:
    image: postgres:18
    environment: {{POSTGRES_PASSWORD: only-a-test}}
    volumes: ["pgdata:/var/lib/postgresql"]
    healthcheck: {{test: [CMD, pg_isready, -U, postgres]}}
volumes: {{notes: , pgdata: }}
"""
NGINX = "server { listen 80; location /notes { proxy_pass http://notes:8000; } }\n"
NOTES = """\
import os, socket
from http.server import BaseHTTPRequestHandler, HTTPServer

class Notes(BaseHTTPRequestHandler):
    def do_GET(self):
        for host, port in ((os.environ["CACHE_HOST"], 6379), (os.environ["DB_HOST"], 5432)):
            socket.create_connection((host, port), timeout=3).close()
        self.answer(open("/data/notes").read() if os.path.exists("/data/notes") else "")

    def do_POST(self):
        text = self.rfile.read(int(self.headers["Content-Length"])).decode()
        with open("/data/notes", "a") as file:
            file.write(text)
        self.answer(text)

    def answer(self, text):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(text.encode())

HTTPServer(("", 8000), Notes).serve_forever()
"""


def _docker(*arguments: str) -> str:
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _ask(stack: ThrowawayStack, text: str | None = None) -> str:
    data = text.encode() if text is not None else None
    with urllib.request.urlopen(f"{stack.address('web')}/notes", data, timeout=10) as answer:
        return str(answer.read().decode())


def _left(kind: str) -> str:
    return _docker(kind, "ls", "--quiet", "--filter", f"label=com.docker.compose.project={NAME}")


@pytest.fixture
def project() -> Iterator[Path]:
    """The project as its team runs it; one note was written into its volume."""
    root = Path(tempfile.mkdtemp(prefix="nexus-adopted-"))
    root.chmod(0o755)
    for file, text in {"compose.yaml": COMPOSE, "nginx/default.conf": NGINX, "app/notes.py": NOTES}.items():
        (root / file).parent.mkdir(exist_ok=True)
        (root / file).write_text(text)
    call = ("compose", "-f", str(root / "compose.yaml"))
    try:
        _docker(*call, "run", "--rm", "--no-deps", "notes", "sh", "-c", "printf before, > /data/notes")
        _docker(*call, "down")
        yield root
    finally:
        _docker(*call, "down", "-v")
        shutil.rmtree(root)


def test_an_adopted_project_runs_and_keeps_its_data(project: Path) -> None:
    found = adopt(project, environment={})
    write_files(plan_files(found.files, found.folder), found.folder)
    home = found.folder / ".nexus"
    where = ("--runtime", "compose")
    with throwaway_stack(
        root=found.folder, offset=free_offset(found.folder), home=home, where=where
    ) as stack:
        states = {each["name"]: each["state"] for each in stack.status()["services"]}
        assert {name: states[name] for name in SERVICES} == dict.fromkeys(SERVICES, "ready")
        assert _ask(stack) == "before,", "the project's own volume"
        with urllib.request.urlopen(f"{stack.address('notes')}/notes", timeout=10) as answer:
            assert answer.read() == b"before,", "its own published port, which is another one inside"
        _ask(stack, "after")
        stack.nexus("down")
        assert not _left("container").strip()
        stack.up()
        assert _ask(stack) == "before,after"
        stack.nexus("down", "--delete-data", "--yes", NAME)
        assert (_left("container"), _left("volume"), _left("network")) == ("", "", "")
