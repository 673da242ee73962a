"""The OpenAPI document of a module, without running it: it needs no database and no port."""

from __future__ import annotations

import json
import os
import runpy
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from nexus_kit.module import inspected


def openapi_of(package: str, folder: Path) -> dict[str, Any]:
    """The document that `python -m PACKAGE` would serve at /openapi.json; `folder` holds its manifest.

    Raises LookupError when the package runs no module of the kit.
    """
    with _environment(folder), inspected() as made:
        runpy.run_module(package, run_name="__main__")
    if not made:
        raise LookupError(f"{package} runs no Module of the kit, so it has no OpenAPI document")
    document: dict[str, Any] = made[0].app.openapi()
    return document


def as_text(document: dict[str, Any]) -> str:
    """The document as its file holds it: the same content gives the same text."""
    return json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


@contextmanager
def _environment(folder: Path) -> Iterator[None]:
    """Give each secret that the manifest names a random text: some are read while a module is imported."""
    manifest: dict[str, Any] = YAML(typ="safe", pure=True).load(folder / "module.yaml")
    with tempfile.TemporaryDirectory() as kept:
        files = {f"{name.upper()}_FILE": Path(kept) / name for name in manifest.get("secrets", ())}
        for file in files.values():
            file.write_text(secrets.token_urlsafe(32))
        before = {name: os.environ.get(name) for name in files}
        os.environ.update({name: str(file) for name, file in files.items()})
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value
