"""Secrets spoken out in command lines, options and connection strings: `--requirepass x`, `Password=x;`."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

_NAMED = r"(?<!com)(?<!by)pass(?:word|wd|phrase)?|pwd|secret|token|(?:api|access|account)[-_.]?key|masterauth"
# `password=x`, `"token": "x"`, `-Dspring.datasource.password=x`, `Authorization: Bearer x`.
_SAID = re.compile(
    rf"(?<!\$)(?:(?:{_NAMED})['\"]?\s*[=:]\s*|authorization['\"]?\s*[=:]\s*['\"]?(?:bearer|basic)\s+"
    # `password x` and `--db.token x`: a blank between them, and no further option.
    rf"|(?<![\w$-])--?[\w.-]*(?:{_NAMED})\s+(?!-)|\b(?:password|passwd|pwd|requirepass|masterauth)\s+(?![-|>]))"
    r"['\"]?(?P<value>[^\s;&'\",]+)",
    re.IGNORECASE,
)
_FLAG = re.compile(rf"--?(?!no-)[\w.-]*(?:{_NAMED})(?:=(?P<value>.*))?", re.IGNORECASE | re.DOTALL)
_BARE = frozenset({"requirepass", "masterauth"})
_TOOLS = (
    (re.compile(r"(?:mysql|mariadb)[\w-]*"), "-p", False),
    (re.compile(r"mongo\w*|sshpass"), "-p", True),
    (re.compile(r"ldap\w+"), "-w", True),
    (re.compile(r"(?:redis|valkey)-cli"), "-a", True),
    (re.compile(r"sqlcmd"), "-P", True),
    (re.compile(r"curl"), "-u", True),
)
_BLANKS = " \t\n"
_ENDS = frozenset("| || && & ;".split())
_REFERENCE = re.compile(r"\$(?:\w+|\{\w+\}|\(.*)", re.DOTALL)
_PLAIN = re.compile(r"true|false|yes|no|on|off|none|null|\d{1,2}", re.IGNORECASE)


def plain(text: str) -> bool:
    """Whether a text only switches something or counts it, whatever the name says."""
    return bool(_PLAIN.fullmatch(text))


def said_in(text: str) -> Iterator[str]:
    """Yield each secret that a value names itself; it may be a command line, too."""
    for match in _SAID.finditer(text):
        if not plain(match["value"]):
            yield match["value"]
    if any(blank in text for blank in _BLANKS):
        yield from (secret for _, secret in said_by((text,)))


def said_by(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield each secret of a command line, after the word that gives it away.

    What a shell will fill in (`$REDIS_PASSWORD`) is none.
    """
    for word, secret in _spoken(words):
        if secret and not plain(secret) and not _REFERENCE.fullmatch(secret):
            yield word, secret
    for word in words:
        if any(blank in word for blank in _BLANKS):
            yield from ((word, secret) for _, secret in said_by(_split(word)))


def _spoken(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    option, apart = "", False
    for word, following in zip(words, (*words[1:], ""), strict=False):
        value = "" if following.startswith("-") else following
        if word in _ENDS:
            option = ""
        elif tool := _tool(word):
            option, apart = tool
        elif option and word == option and apart:
            yield value, value
        elif option and word.startswith(option) and word != option:
            yield word, word.removeprefix(option)
        elif match := _FLAG.fullmatch(word):
            yield word, value if match["value"] is None else match["value"]
        elif word.lower() in _BARE:
            yield word, value
        elif not any(blank in word for blank in _BLANKS):
            yield from ((word, secret) for secret in said_in(word))


def _tool(word: str) -> tuple[str, bool] | None:
    """Return the option that takes a password, and whether the password is a word of its own."""
    name = PurePosixPath(word).name
    return next(((option, apart) for tool, option, apart in _TOOLS if tool.fullmatch(name)), None)


def _split(line: str) -> list[str]:
    """Return the words of a shell's line; its quotes may be unbalanced."""
    try:
        lexer = shlex.shlex(line, posix=True, punctuation_chars=";&|")
        lexer.whitespace_split, lexer.commenters = True, ""
        return list(lexer)
    except ValueError:
        return line.replace("'", " ").replace('"', " ").split()
