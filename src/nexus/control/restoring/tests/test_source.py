"""Places as an operator names them on a machine that knows nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from nexus.control.addresses import Refused
from nexus.control.restoring.elsewhere.source import is_place, place_of
from nexus.recovery.kit_page import place_file
from nexus.stack.recovering import DirectoryPlace, PlaceManifest, S3Place, SftpPlace

LOCKED = S3Place.model_validate({"kind": "s3", "bucket": "books", "lock": "1d"})
SFTP = SftpPlace(kind="sftp", host="vault", port=2222, user="nexus", path="/b", host_key="ssh-ed25519 AAAA")


def test_a_url_tells_a_place(tmp_path: Path) -> None:
    folder = DirectoryPlace(kind="directory", path=str(tmp_path))
    assert place_of(f"file://{tmp_path}") == place_of(str(tmp_path)) == folder
    assert place_of("sftp://nexus@vault:2222/b?host_key=ssh-ed25519%20AAAA") == SFTP
    told = place_of("s3://books/erp/?endpoint=https://s3.example.com&region=sa-east-1")
    assert isinstance(told, S3Place)
    found = (told.bucket, told.prefix, told.endpoint, told.region, told.lock)
    assert found == ("books", "erp", "https://s3.example.com", "sa-east-1", None)


@pytest.mark.parametrize("place", [SFTP, LOCKED])
def test_what_the_kit_prints_is_read(tmp_path: Path, place: PlaceManifest) -> None:
    file = tmp_path / "place.yaml"
    file.write_text("\n".join(place_file(place)) + "\n")
    assert is_place(str(file))
    assert place_of(str(file)) == place


def test_a_name_is_no_place_but_one_of_the_stack_s() -> None:
    assert not is_place("vault")
    assert not is_place("")


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="host_key"):
        place_of("sftp://nexus@vault/b")
    with pytest.raises(Refused, match="neither a folder nor a file"):
        place_of(str(tmp_path / "gone.yaml"))
    (tmp_path / "half.yaml").write_text("kind: sftp\nhost: vault\n")
    with pytest.raises(Refused, match="user"):
        place_of(str(tmp_path / "half.yaml"))
