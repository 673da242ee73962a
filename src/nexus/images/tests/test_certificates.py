"""Behind a proxy that signs with its own authority: builds trust it, and no image ever shows it."""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import json
import ssl
import subprocess
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from nexus.images import BuildError, build
from nexus.images.tests.conftest import House, docker
from nexus.runtimes.containers.engine import Engine

pytestmark = pytest.mark.docker
HOUR = timedelta(hours=1)
WHEEL = "tiny-1.0-py3-none-any.whl"
METADATA = "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n"
WHEEL_FILE = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


@dataclass(frozen=True)
class Index:
    """A package index that only those reach who trust `authority`."""

    url: str
    authority: Path
    digest: str


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *arguments: object) -> None:
        return


def certificate(folder: Path, address: str) -> tuple[Path, Path]:
    """A certificate that signed itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Made-up Company Authority")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(
            name, name, key.public_key(), x509.random_serial_number(), now - HOUR, now + HOUR
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    pem, private = folder / "authority.pem", folder / "key.pem"
    pem.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    form = serialization.PrivateFormat.PKCS8
    private.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    return pem, private


@pytest.fixture
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    folder = tmp_path_factory.mktemp("index")
    gateway = docker("network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Gateway}}")
    pem, private = certificate(folder, gateway)
    page = folder / "web" / "simple" / "tiny"
    page.mkdir(parents=True)
    with zipfile.ZipFile(page / WHEEL, "w") as wheel:
        wheel.writestr("tiny/__init__.py", "WORD = 'trusted'\n")
        wheel.writestr("tiny-1.0.dist-info/METADATA", METADATA)
        wheel.writestr("tiny-1.0.dist-info/WHEEL", WHEEL_FILE)
        wheel.writestr("tiny-1.0.dist-info/RECORD", "")
    (page / "index.html").write_text(f'<a href="{WHEEL}">{WHEEL}</a>')
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, private)
    with ThreadingHTTPServer((gateway, 0), partial(Quiet, directory=str(folder / "web"))) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        digest = hashlib.sha256((page / WHEEL).read_bytes()).hexdigest()
        yield Index(f"https://{gateway}:{server.server_port}/simple", pem, digest)
        server.shutdown()
        thread.join()


@pytest.fixture
def base(index: Index, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A base image whose pip asks that index."""
    tag = f"nexus-test-base:{tmp_path_factory.mktemp('x').stat().st_ino}"
    text = f"FROM python:3.11-slim-bookworm\nENV PIP_INDEX_URL={index.url} PIP_RETRIES=0\n"
    subprocess.run(["docker", "build", "--quiet", "--tag", tag, "-"], input=text.encode(), check=True)
    yield tag
    docker("image", "rm", tag)


async def test_builds_trust_the_given_authority_and_images_never_show_it(
    engine: Engine, small: House, index: Index, base: str
) -> None:
    (small.root / "modules.lock").write_text(f"tiny==1.0 --hash=sha256:{index.digest}\n")
    (small.root / "nexus.yaml").write_text(
        f"name: {small.name}\nbricks: [till]\nshared: {{python: [modules.lock]}}\n"
    )
    with (small.root / "till/module.yaml").open("a") as manifest:
        manifest.write(f"image: {base}\n")
    (small.root / "till/nexus_till/__main__.py").write_text("import tiny; print(tiny.WORD)\n")
    stack, till = small.service("till")
    with pytest.raises(BuildError, match="certificate verify failed"):
        await build(engine, stack, till)
    made = await build(engine, stack, till, ca=index.authority)
    assert docker("run", "--rm", str(made.reference)) == "trusted"

    saved = subprocess.run(["docker", "save", str(made.reference)], capture_output=True, check=True).stdout
    assert b"WORD = 'trusted'" in saved  # layers lie open in what was saved, so the next lines can fail
    lines = index.authority.read_text().splitlines()[1:-1]
    assert not any(line.encode() in saved for line in lines)
    assert base64.b64decode("".join(lines)) not in saved
    assert b"Made-up Company Authority" not in saved
    history = docker("history", "--no-trunc", "--format", "{{json .}}", str(made.reference))
    config = json.dumps(json.loads(docker("image", "inspect", str(made.reference))))
    assert str(index.authority) not in history + config
