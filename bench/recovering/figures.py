"""Figures beside their floors, as they are."""

from __future__ import annotations


def told(what: str, figure: str, floor: str = "", met: bool | None = None) -> None:
    """Prints one line."""
    verdict = {None: "", True: "  met", False: "  MISSED"}[met]
    print(f"  {what:56} {figure:>30}{f'  (floor {floor})' if floor else ''}{verdict}", flush=True)


def rate(bytes: int, seconds: float) -> str:
    """MB a second, with the seconds."""
    return f"{bytes / 1e6 / seconds:,.0f} MB/s in {seconds:.2f} s"
