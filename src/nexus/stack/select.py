"""SQL files of figures: one SELECT each. What is cheap to see is told at loading; the rest is refused by the
database, which runs them in a read-only transaction.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from nexus.stack.errors import Fault

# Comments, texts, quoted names and dollar-quoted texts: nothing in them is a keyword.
_QUIET = re.compile(
    r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|\$([A-Za-z_]*)\$.*?\$\1\$", re.DOTALL
)
_WRITES = re.compile(
    r"\b(INSERT|UPDATE|DELETE|MERGE|INTO|CREATE|ALTER|DROP|TRUNCATE|GRANT|REVOKE|COPY|CALL|DO|SET|LOCK|VACUUM"
    r"|REFRESH|NOTIFY|LISTEN|pg_sleep)\b",
    re.IGNORECASE,
)


def read_select(file: Path, words: Iterable[str]) -> tuple[str, list[Fault]]:
    """Return a query's text, without the semicolon at its end, and what is wrong with it.

    `words` must stand in the query: names of columns it returns, and parameters.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return "", [Fault(file, 1, "", "is not UTF-8 text", "save it as UTF-8")]
    except OSError as error:
        return "", [Fault(file, 0, "", f"cannot be read ({error.strerror})", "mend its mode")]
    bare = _QUIET.sub(_blank, text)
    faults = [Fault(file, line, "", what, mend) for line, what, mend in _flaws(bare, words)]
    return text.rstrip().removesuffix(";"), faults


def _blank(match: re.Match[str]) -> str:
    """As many lines as there were, so that places stay where they are; a quoted name keeps its word."""
    kept = match[0].strip('"') if match[0].startswith('"') else ""
    return kept + "\n" * match[0].count("\n")


def _flaws(bare: str, words: Iterable[str]) -> Iterator[tuple[int, str, str]]:
    first = re.search(r"\w+", bare)
    if first is None:
        yield 1, "holds no query", "write one SELECT"
        return
    if first[0].upper() not in ("SELECT", "WITH"):
        yield _line(bare, first.start()), f"begins with {first[0]}", "write one SELECT"
        return
    end = bare.find(";")
    if end >= 0 and bare[end + 1 :].strip():
        yield _line(bare, end), "holds more than one statement", "keep one SELECT"
    written = _WRITES.search(bare)
    if written:
        yield (
            _line(bare, written.start()),
            f"{written[0].upper()} has no place in a figure",
            "only read, with one SELECT",
        )
    for word in words:
        if not re.search(rf"(?<![\w$]){re.escape(word)}\b", bare, re.IGNORECASE):
            kind = "does not use the parameter" if word.startswith("$") else "returns no column"
            yield 1, f"{kind} {word}", f"select {word}" if word[0] != "$" else f"bound it by {word}"


def _line(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1
