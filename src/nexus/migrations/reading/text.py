"""A script's bytes as text: UTF-8, with or without a byte order mark; anything else is refused."""

from __future__ import annotations

import codecs
from pathlib import Path

from nexus.migrations.errors import MigrationUnreadable

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def text_of(file: Path, content: bytes) -> str:
    """The text of a script, without its byte order mark and with its line endings as they are.

    Raises:
        MigrationUnreadable: it is not UTF-8, or holds a NUL, which PostgreSQL has no place for.
    """
    if content.startswith(_UTF16):
        raise MigrationUnreadable(f"{file}: it is UTF-16, not UTF-8; convert it: {_convert('UTF-16', file)}")
    nul = content.find(b"\0")
    if nul >= 0:
        wide = content.count(b"\0", 0, 1000) * 3 > min(len(content), 1000)
        mend = f"it looks like UTF-16; convert it: {_convert('UTF-16LE', file)}" if wide else "take it out"
        raise MigrationUnreadable(f"{_place(file, content, nul)}: a NUL at byte {nul}; {mend}")
    try:
        return content.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise MigrationUnreadable(
            f"{_place(file, content, error.start)}: not UTF-8 at byte {error.start} "
            f"(0x{content[error.start]:02x}); if it is Latin-1, convert it: {_convert('ISO-8859-1', file)}"
        ) from None


def _place(file: Path, content: bytes, position: int) -> str:
    return f"{file}:{1 + content.count(10, 0, position)}"


def _convert(encoding: str, file: Path) -> str:
    return f"iconv -f {encoding} -t UTF-8 {file} -o {file}.new && mv {file}.new {file}"
