"""How others let a release in: the same load, the same count of failures.

`docker compose up -d --build` and `docker service update` deploy this ERP's own modules from the rendered
files, without Nexus; `nginx -s reload` swaps two processes of a small service, as a deploy script does.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from open_loop import Answer, OpenLoop

from nexus.runtimes.process.drivers.nginx import binary as nginx_binary
from nexus.stack import load_stack
from nexus.testing import CHECKOUT, NOT_COPIED, copied_root, eventually, free_offset

MODULES = ("sales", "inventory", "financial", "crm", "users")
PATHS = ("/api/sales/orders?limit=5", "/api/inventory/stock?limit=5", "/api/users/me", "/login")
AFTER = 8.0  # seconds after a command's end that still belong to its deploy
GREETER = (
    "import asyncio\n"
    "async def app(scope, receive, send):\n"
    "    if scope['type'] != 'http': return\n"
    "    await asyncio.sleep(0.02)\n"
    "    await send({'type': 'http.response.start', 'status': 200, 'headers': []})\n"
    "    await send({'type': 'http.response.body', 'body': b'hello'})\n"
)
Measured = tuple[list[Answer], int]


@dataclass(frozen=True)
class Place:
    """The ERP started from its rendered files: where, under which name, with which variables."""

    root: Path
    project: str
    variables: Mapping[str, str]

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.variables['NEXUS_PORT_NGINX']}"

    def docker(self, *arguments: str) -> str:
        done = subprocess.run(
            ["docker", *arguments],
            env={**os.environ, **self.variables},
            cwd=self.root,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SystemExit(f"docker {' '.join(arguments)}: {done.stderr}")
        return done.stdout


def docker_compose_up_build(rate: float, deploys: int) -> Measured:
    """Changed sources, then `docker compose up -d --build MODULE`."""
    with _place() as place:
        compose = ("compose", "-p", place.project, "-f", "deploy/compose.yaml")
        place.docker(*compose, "up", "-d", "--build", "--wait")
        try:

            def deploy(module: str, number: int) -> None:
                _change(place.root, module, number)
                place.docker(*compose, "up", "-d", "--build", "--no-deps", module)

            return _measured(place.base, PATHS, rate, _token(place), deploys, deploy)
        finally:
            place.docker(*compose, "down", "-v")


def docker_service_update(rate: float, deploys: int) -> Measured:
    """A new image, then `docker service update --update-order start-first`, on a Swarm of one node."""
    with _place() as place, _swarm(place):
        compose = ("compose", "-p", place.project, "-f", "deploy/compose.yaml")
        place.docker(*compose, "build")
        place.docker("stack", "deploy", "--detach=true", "-c", "deploy/stack.yaml", place.project)
        try:
            eventually(lambda: _login(place.base), within=180, every=1.0)

            def deploy(module: str, number: int) -> None:
                _change(place.root, module, number)
                image = f"{load_stack(place.root).name}/{module}:peer-{number}"
                folder = f"modules/{module}/Dockerfile"
                place.docker("build", "-q", "-t", image, "-f", folder, ".")
                order = ("--update-order", "start-first", "--image", image, "--quiet")
                place.docker("service", "update", *order, f"{place.project}_{module}")

            return _measured(place.base, PATHS, rate, _token(place), deploys, deploy)
        finally:
            place.docker("stack", "rm", place.project)
            mine = f"label=com.docker.stack.namespace={place.project}"
            eventually(lambda: not place.docker("ps", "-aq", "--filter", mine).strip(), within=90, every=1.0)


def nginx_reload(rate: float, deploys: int) -> Measured:
    """A new process, a new `upstream`, `nginx -s reload`, and SIGTERM for the former process."""
    with tempfile.TemporaryDirectory(prefix="nexus-peer-") as name:
        folder = Path(name)
        (folder / "greeter.py").write_text(GREETER)
        serving = [_greeter(folder)]
        edge = _free_port()
        (folder / "logs").mkdir()
        _configure(folder, edge, serving[-1][1])
        nginx = subprocess.Popen([str(nginx_binary()), "-p", str(folder), "-c", str(folder / "nginx.conf")])

        def deploy(module: str, number: int) -> None:
            serving.append(_greeter(folder))
            _configure(folder, edge, serving[-1][1])
            subprocess.run(
                [str(nginx_binary()), "-p", str(folder), "-c", str(folder / "nginx.conf"), "-s", "reload"]
            )
            former, _ = serving.pop(0)
            former.terminate()
            former.wait(30)

        try:
            return _measured(f"http://127.0.0.1:{edge}", ("/",), rate, "", deploys, deploy)
        finally:
            for process in (nginx, *(each for each, _ in serving)):
                process.terminate()
                process.wait(30)


PEERS: Mapping[str, Sequence[Callable[[float, int], Measured]]] = {
    "process": (nginx_reload,),
    "compose": (docker_compose_up_build, docker_service_update, nginx_reload),
}


def _measured(
    base: str,
    paths: Sequence[str],
    rate: float,
    token: str,
    deploys: int,
    deploy: Callable[[str, int], None],
) -> Measured:
    load = OpenLoop(base, paths, rate, token)
    answers: list[Answer] = []
    load.start()
    try:
        eventually(lambda: len(load.answers) > 5 * rate, within=60)
        for number in range(deploys):
            since = time.monotonic()
            deploy(MODULES[number % len(MODULES)], number)
            time.sleep(AFTER)
            answers += load.between(since, time.monotonic())
    finally:
        load.stop()
    return answers, deploys


def _change(root: Path, module: str, number: int) -> None:
    file = root / "modules" / module / f"nexus_{module}" / "__init__.py"
    file.write_text(f"{file.read_text()}# release {number}\n")


@contextmanager
def _place() -> Iterator[Place]:
    """A copy of the ERP with its rendered files, its secrets made, its ports moved."""
    with copied_root() as root:
        shutil.copytree(CHECKOUT / "deploy", root / "deploy")
        shutil.copytree(CHECKOUT / "src", root / "src", ignore=NOT_COPIED)
        offset = free_offset()
        ports = {service.name: service.port + offset for service in load_stack(root).services}
        variables = {
            f"NEXUS_PORT_{name.upper().replace('-', '_')}": str(port) for name, port in ports.items()
        }
        variables["NEXUS_PORT_TELEMETRY"] = str(4318 + offset)
        env = {**os.environ, "NEXUS_HOME": str(root / ".nexus"), "NEXUS_ROOT": str(root)}
        subprocess.run([str(CHECKOUT / "nexus"), "secrets", "init"], env=env, check=True, capture_output=True)
        yield Place(root, f"peer{offset}", variables)


@contextmanager
def _swarm(place: Place) -> Iterator[None]:
    """A Swarm of this engine alone, unless it is part of one."""
    active = place.docker("info", "--format", "{{.Swarm.LocalNodeState}}").strip() == "active"
    if not active:
        place.docker("swarm", "init", "--advertise-addr", "127.0.0.1")
    node = place.docker("info", "--format", "{{.Swarm.NodeID}}").strip()
    place.docker("node", "update", "--label-add", "nexus.data=true", node)
    try:
        yield
    finally:
        if not active:
            place.docker("swarm", "leave", "--force")


def _token(place: Place) -> str:
    found = _login(place.base, place.root / ".nexus" / "secrets" / "admin_password")
    if found is None:
        raise SystemExit("the ERP that a peer deploys does not let its administrator in")
    return found


def _login(base: str, password: Path | None = None) -> str | None:
    """An access token; without a password, whether there is somebody to refuse it."""
    body = {"email": "admin@nexus.local", "password": password.read_text().strip() if password else "none"}
    request = urllib.request.Request(
        f"{base}/api/auth/login", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return str(json.load(answer)["access_token"])
    except urllib.error.HTTPError as refused:
        return "refused" if refused.code in (401, 422) and password is None else None
    except OSError:
        return None


def _greeter(folder: Path) -> tuple[subprocess.Popen[bytes], int]:
    port = _free_port()
    command = [sys.executable, "-m", "uvicorn", "greeter:app", "--port", str(port), "--log-level", "warning"]
    process = subprocess.Popen(command, cwd=folder)
    eventually(lambda: _listens(port), within=20)
    return process, port


def _configure(folder: Path, edge: int, port: int) -> None:
    (folder / "nginx.conf").write_text(
        "daemon off; pid nginx.pid; error_log stderr crit; events {}\n"
        "http { access_log off; client_body_temp_path tmp; proxy_temp_path tmp; fastcgi_temp_path tmp;\n"
        "  uwsgi_temp_path tmp; scgi_temp_path tmp;\n"
        f"  upstream app {{ server 127.0.0.1:{port}; keepalive 32; }}\n"
        f"  server {{ listen 127.0.0.1:{edge};\n"
        "    location / { proxy_pass http://app; proxy_http_version 1.1;\n"
        "      proxy_set_header Connection ''; } } }\n"
    )


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
