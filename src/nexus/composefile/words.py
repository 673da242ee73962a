"""A command written as one text -> its words, split as Compose splits them."""

from __future__ import annotations

_ENDS = frozenset(";&|<>")


def split_words(text: str) -> tuple[str, ...]:
    """Return the words. Raises ValueError when a quote or a bracket is not closed.

    Compose runs no shell: variables stay, and what follows one of `; & | < >` is lost.
    """
    words: list[str] = []
    word = ""
    begun = escaped = False
    quote = ""  # one of ' " ` and, for `$(`, )
    for char in text:
        if escaped:
            word, escaped = word + char, False
        elif char == "\\" and quote != "'":
            escaped = begun = True
        elif char == quote:
            word, quote = word + (char if char in "`)" else ""), ""
        elif quote:
            word += char
        elif char.isspace():
            if begun:
                words.append(word)
            word, begun = "", False
        elif char in "'\"`":
            word, quote, begun = word + (char if char == "`" else ""), char, True
        elif char == "(" and word.endswith("$"):
            word, quote = word + char, ")"
        elif char in "()":
            raise ValueError(f"a bare {char} has no meaning here")
        elif char in _ENDS:
            begun = begun and not (char == ">" and word[:1].isdigit())  # `2>` is a redirection
            break
        else:
            word, begun = word + char, True
    if quote or escaped:
        raise ValueError(f"{quote or 'a backslash'} at its end is not closed")
    return (*words, word) if begun else tuple(words)
