"""Places as `nexus.yaml` names them. Nothing is asked of them before they are used."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from nexus.recovery.places.directory import Directory
from nexus.recovery.places.marker import Marker
from nexus.recovery.places.place import Place
from nexus.recovery.places.secrets import read_secret
from nexus.runtimes.home import Home
from nexus.stack.model import Stack
from nexus.stack.recovering import LOCAL, DirectoryPlace, PlaceManifest, SftpPlace


def open_place(name: str, manifest: PlaceManifest | None, root: Path, home: Home) -> Place:
    """The place `name`; None: the folder that every stack has. `root`: the stack's folder, from which a
    relative path begins. Secrets are read when they are needed.
    """
    if manifest is None:
        return Directory(name, local_folder(home), proves=False)
    marker = Marker(name, home.root / "recovery" / "places" / name)
    secret = partial(read_secret, home, name)
    if isinstance(manifest, DirectoryPlace):
        return Directory(name, root / manifest.path, marker)
    if isinstance(manifest, SftpPlace):  # imported when they are used: boto3 and asyncssh are slow to load
        from nexus.recovery.places.sftp import Sftp
        from nexus.recovery.places.sftp_session import SftpSession

        return Sftp(name, SftpSession(name, manifest, secret), manifest.path, marker)
    from nexus.recovery.places.s3 import S3
    from nexus.recovery.places.s3_client import Bucket

    return S3(Bucket(name, manifest, secret))


def open_places(stack: Stack, home: Home) -> tuple[Place, ...]:
    """All places of a stack: its own folder first, the others as `nexus.yaml` orders them."""
    named = ((LOCAL, None), *stack.recovery.places.items())
    return tuple(open_place(name, manifest, stack.root, home) for name, manifest in named)


def local_folder(home: Home) -> Path:
    """The folder that every stack has."""
    return home.root / "backups"
