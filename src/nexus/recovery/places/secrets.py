"""Secrets of places: an SSH key or a password, or a store's two keys; private files of the home."""

from __future__ import annotations

from pathlib import Path

from nexus.recovery.errors import PlaceError
from nexus.runtimes.home import Home
from nexus.runtimes.process.accounts import private_file, private_folder


def secret_file(home: Home, name: str) -> Path:
    """Where the secret of the place `name` is kept."""
    return home.secrets / "recovery" / "places" / name


def read_secret(home: Home, name: str) -> str:
    """The secret of a place, without blanks around it.

    Raises:
        PlaceError: there is none, or it cannot be read.
    """
    file = secret_file(home, name)
    try:
        text = file.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        text = ""
    except (OSError, UnicodeDecodeError) as error:
        raise PlaceError(f"place {name}: its secret {file} cannot be read ({error})") from error
    if not text:
        raise PlaceError(f"place {name} has no secret yet; set it: nexus recovery place secret {name} < FILE")
    return text


def write_secret(home: Home, name: str, text: str) -> Path:
    """Keeps the secret of a place, in place of the one before.

    Raises:
        PlaceError: it is empty.
        OSError: it cannot be written.
    """
    if not text.strip():
        raise PlaceError(f"place {name}: the secret is empty")
    file = secret_file(home, name)
    private_folder(file.parent, None)
    return private_file(file, text.strip() + "\n", None)
