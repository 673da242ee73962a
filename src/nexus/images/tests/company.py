"""A made-up company's certificate authority, and package indexes that only those reach who trust it."""

from __future__ import annotations

import hashlib
import io
import ipaddress
import json
import ssl
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from nexus.images.tests.conftest import docker

HOUR = timedelta(hours=1)
WHEEL = "tiny-1.0-py3-none-any.whl"
METADATA = "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n"
WHEEL_FILE = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


@dataclass(frozen=True)
class Index:
    """Package indexes that only those reach who trust `authority`."""

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


@contextmanager
def index_of_a_company(folder: Path) -> Iterator[Index]:
    """Serve one package for pip and one for npm on the engine's bridge, where builds reach it."""
    gateway = docker("network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Gateway}}")
    pem, private = certificate(folder, gateway)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, private)
    web = folder / "web"
    with ThreadingHTTPServer((gateway, 0), partial(Quiet, directory=str(web))) as server:
        url = f"https://{gateway}:{server.server_port}"
        digest = wheel(web / "simple" / "tiny")
        package(web, url)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield Index(url, pem, digest)
        server.shutdown()
        thread.join()


def wheel(page: Path) -> str:
    """Lay a wheel and its page there; return the wheel's hash."""
    page.mkdir(parents=True)
    with zipfile.ZipFile(page / WHEEL, "w") as archive:
        archive.writestr("tiny/__init__.py", "WORD = 'trusted'\n")
        archive.writestr("tiny-1.0.dist-info/METADATA", METADATA)
        archive.writestr("tiny-1.0.dist-info/WHEEL", WHEEL_FILE)
        archive.writestr("tiny-1.0.dist-info/RECORD", "")
    (page / "index.html").write_text(f'<a href="{WHEEL}">{WHEEL}</a>')
    return hashlib.sha256((page / WHEEL).read_bytes()).hexdigest()


def package(web: Path, url: str) -> None:
    """Lay a package of npm and what its registry says of it there."""
    about = {"name": "tiny", "version": "1.0.0", "main": "index.js"}
    with tarfile.open(web / "tiny-1.0.0.tgz", "w:gz") as archive:
        texts = {"package.json": json.dumps(about), "index.js": "module.exports = 'trusted';\n"}
        for name, text in texts.items():
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    version = {**about, "dist": {"tarball": f"{url}/tiny-1.0.0.tgz"}}
    whole = {"name": "tiny", "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": version}}
    (web / "tiny").write_text(json.dumps(whole))
