"""Where backups are read from, as an operator names it when no `nexus.yaml` does.

file:///mnt/backups                                a folder
sftp://user@host:22/path?host_key=ssh-ed25519 AAAA…    a machine that speaks SFTP
s3://bucket/prefix?endpoint=https://…&region=…      a bucket
place.yaml                                         a file that says it as `recovery.places` does
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from pydantic import TypeAdapter, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from nexus.control.addresses import Refused
from nexus.stack.recovering import DirectoryPlace, PlaceManifest, S3Place, SftpPlace

SCHEMES = ("file", "sftp", "s3")
NAME = "from"  # what such a place is called


def is_place(text: str) -> bool:
    """Whether a text says where a place is; else it is the name of one."""
    return urlsplit(text).scheme in SCHEMES or "/" in text or text.endswith((".yaml", ".yml"))


def place_of(text: str) -> PlaceManifest:
    """The place that a URL or a file tells of; a path is a folder, or a file of YAML.

    Raises:
        Refused: it tells of none; says what is missing.
    """
    parts = urlsplit(text)
    try:
        if parts.scheme == "sftp":
            return _sftp(parts)
        if parts.scheme == "s3":
            return _s3(parts)
        path = Path(unquote(parts.path) if parts.scheme == "file" else text)
        if path.is_dir():
            return DirectoryPlace(kind="directory", path=str(path.absolute()))
        return _file(path)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"])) or "place"
        raise Refused(f"{text}: {field}: {first['msg']}") from error
    except ValueError as error:
        raise Refused(f"{text}: {error}") from error


def _sftp(parts: SplitResult) -> PlaceManifest:
    told = _query(parts)
    if "host_key" not in told:
        raise Refused(
            f"sftp://{parts.hostname}: say whose key it must show, so that nobody stands in between: add "
            "?host_key=ssh-ed25519%20AAAA… (`ssh-keyscan HOST` shows it; the recovery kit holds it)"
        )
    return SftpPlace(
        kind="sftp",
        host=parts.hostname or "",
        port=parts.port or 22,
        user=unquote(parts.username or ""),
        path=unquote(parts.path),
        host_key=told["host_key"],
    )


def _s3(parts: SplitResult) -> PlaceManifest:
    told = _query(parts)
    given = {name: told[name] for name in ("endpoint", "region") if name in told}
    prefix = unquote(parts.path).strip("/")
    return S3Place.model_validate({"kind": "s3", "bucket": parts.netloc, "prefix": prefix, **given})


def _file(path: Path) -> PlaceManifest:
    try:
        told = YAML(typ="safe").load(path.read_text())
    except FileNotFoundError:
        raise Refused(
            f"{path} is neither a folder nor a file; write a URL such as file:///mnt/backups"
        ) from None
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        raise Refused(f"{path} cannot be read: {error}") from error
    found: PlaceManifest = TypeAdapter(PlaceManifest).validate_python(told)
    return found


def _query(parts: SplitResult) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(parts.query).items()}
