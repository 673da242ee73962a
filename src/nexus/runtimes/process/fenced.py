"""A data folder that must not be served any more says so itself, whoever comes to start it."""

from __future__ import annotations

from pathlib import Path

from nexus.runtimes.protocol import StartError

MARK = "nexus.fenced"  # in the data folder; its text says why


def fenced(data: Path) -> str:
    """Why a data folder may not be served; "" where it may."""
    try:
        return (data / MARK).read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return ""


def refuse_fenced(service: str, data: Path) -> None:
    """Whether a data folder may be served.

    Raises:
        StartError: it is fenced; says why and how to mend it.
    """
    why = fenced(data)
    if why:
        raise StartError(f"{service}: {data} is fenced: {why}")
