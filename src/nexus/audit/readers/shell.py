"""Shell text: statements with lines, split at the operators between commands. No evaluation."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_HEREDOC = re.compile(r"(?<!<)<<-?\s*([\"']?)([A-Za-z_]\w*)\1")
_OPERATORS = ("&&", "||", ";", "|", "&")


@dataclass(frozen=True)
class Command:
    """One command of a statement, and the operator that stands before it (empty for the first)."""

    operator: str
    text: str

    @property
    def words(self) -> list[str]:
        """The words, quotes removed, without leading assignments and wrappers such as sudo."""
        words = split_words(self.text)
        while words and (re.fullmatch(r"[A-Za-z_]\w*=.*", words[0], re.DOTALL) or words[0] in _WRAPPERS):
            words.pop(0)
        return words

    @property
    def program(self) -> str:
        """The name of what is run, without its folder."""
        words = self.words
        return words[0].rpartition("/")[2] if words else ""


_WRAPPERS = frozenset(
    "sudo exec time nohup command env then do else if ! while until { ( gosu su-exec".split()
)


@dataclass(frozen=True)
class Statement:
    """One logical line of shell: joined continuations, comments removed, commands in order."""

    line: int
    text: str
    commands: tuple[Command, ...]


def statements(text: str) -> Iterator[Statement]:
    """Yield the statements of a script; bodies of here-documents are left out."""
    lines = text.splitlines()
    index = 0
    while index < len(lines):
        start, parts = index, []
        while index < len(lines):
            parts.append(_without_comment(lines[index]))
            index += 1
            joined = "\n".join(parts)
            stripped = joined.rstrip()
            if stripped.endswith("\\") and not stripped.endswith("\\\\"):
                parts[-1] = parts[-1].rstrip()[:-1] + " "
                continue
            if (re.search(r"(\||&&)\s*$", stripped) and not stripped.endswith("\\|")) or _open_quote(joined):
                if index - start > 80:  # a stray quote must not swallow the file
                    parts, index = parts[:1], start + 1
                    break
                continue
            break
        whole = " ".join(part.strip() for part in parts).strip()
        for _, word in _HEREDOC.findall(whole):
            while index < len(lines) and lines[index].strip() != word:
                index += 1
            index += 1
        if whole:
            yield Statement(start + 1, whole, tuple(split_commands(whole)))


def split_commands(text: str) -> Iterator[Command]:
    """Split one statement at its operators, outside of quotes and substitutions."""
    operator, current, quote, depth, index = "", "", "", 0, 0
    while index < len(text):
        char = text[index]
        if char == "\\" and quote != "'":
            current += text[index : index + 2]
            index += 2
            continue
        if quote:
            quote = "" if char == quote else quote
        elif char in "\"'`":
            quote = char
        elif text.startswith("$(", index) or text.startswith("<(", index):
            depth += 1
        elif char == ")" and depth:
            depth -= 1
        elif not depth and (found := _operator_at(text, index)):
            yield Command(operator, current.strip())
            operator, current = found, ""
            index += len(found)
            continue
        current += char
        index += 1
    if current.strip():
        yield Command(operator, current.strip())


def _operator_at(text: str, index: int) -> str:
    if text[index] == "&" and (text[index - 1 : index] in {">", "<"} or text[index + 1 : index + 2] == ">"):
        return ""
    if text[index] == "|" and text[index - 1 : index] == ">":
        return ""
    return next((each for each in _OPERATORS if text.startswith(each, index)), "")


def split_words(text: str) -> list[str]:
    """Split a command into words as a shell would, keeping `$` as it stands."""
    words, current, quote, began = [], "", "", False
    index = 0
    while index < len(text):
        char = text[index]
        if char == "\\" and quote != "'" and index + 1 < len(text):
            current, began = current + text[index + 1], True
            index += 2
            continue
        if quote:
            if char == quote:
                quote = ""
            else:
                current += char
        elif char in "\"'":
            quote, began = char, True
        elif char.isspace():
            if began:
                words.append(current)
            current, began = "", False
        else:
            current, began = current + char, True
        index += 1
    if began:
        words.append(current)
    return words


def _without_comment(line: str) -> str:
    quote = ""
    for index, char in enumerate(line):
        if quote:
            if char == quote and line[index - 1] != "\\":
                quote = ""
        elif char in "\"'":
            if index == 0 or line[index - 1] != "\\":
                quote = char
        elif char == "#" and (index == 0 or line[index - 1] in " \t;"):
            return line[:index]
    return line


def _open_quote(text: str) -> bool:
    quote, index = "", 0
    while index < len(text):
        char = text[index]
        if char == "\\" and quote != "'":
            index += 2
            continue
        if quote:
            quote = "" if char == quote else quote
        elif char in "\"'":
            quote = char
        index += 1
    return bool(quote)
