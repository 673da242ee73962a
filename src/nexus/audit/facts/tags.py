"""Which tags of images move from one version to the next."""

import re

from nexus.audit.facts.images import parse_image

FLOATING = frozenset(
    "latest stable main master edge nightly lts current mainline rolling testing unstable".split()
)
_CODENAMES = "buster|bullseye|bookworm|trixie|sid|focal|jammy|noble"
_CODENAME = re.compile(_CODENAMES)
_VARIANT = re.compile(
    rf"alpine[\d.]*|slim|{_CODENAMES}|debian|ubuntu|fpm|apache|cli|zts|perl|otel|management|jre|jdk|full|minimal"
    r"|unprivileged|windowsservercore|nanoserver"
)
_DISTRIBUTIONS = frozenset(["debian", "ubuntu", "buildpack-deps"])
"""Images whose version is the codename itself."""


def floats(reference: str) -> bool:
    """Tell whether an image names no version: its tag is a moving word, a variant, or both."""
    image = parse_image(reference)
    if image.digest:
        return False
    parts = [part for part in image.tag.split("-") if part]
    if image.name in _DISTRIBUTIONS and any(_CODENAME.fullmatch(part) for part in parts):
        return image.tag.startswith("sid")  # Debian's sid is never released
    return all(part in FLOATING or _VARIANT.fullmatch(part) for part in parts)
