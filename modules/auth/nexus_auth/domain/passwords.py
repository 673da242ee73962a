"""What a password must be: long enough, not guessable. No rules of composition (NIST SP 800-63B)."""

import unicodedata
from functools import cache
from itertools import pairwise
from pathlib import Path

MIN_LENGTH = 10
MAX_LENGTH = 128
COMMON = Path(__file__).with_name("common_passwords.txt")


class WeakPassword(ValueError):
    """The password is refused; the message says why and can be shown to the person."""


def normalised(password: str) -> str:
    """The same password typed on another keyboard: Unicode NFKC."""
    return unicodedata.normalize("NFKC", password)


def check_strength(password: str, *personal: str | None) -> None:
    """Raise WeakPassword unless the password is acceptable.

    personal: what others know of the person (e-mail, name, company); the password must not be built on it.
    """
    text = normalised(password)
    if len(text) < MIN_LENGTH:
        raise WeakPassword(f"The password needs at least {MIN_LENGTH} characters.")
    if len(text) > MAX_LENGTH:
        raise WeakPassword(f"The password can have at most {MAX_LENGTH} characters.")
    folded = text.casefold()
    if len(set(folded)) < 5 or _is_run(folded):
        raise WeakPassword("The password repeats or counts through too few characters.")
    core = folded.strip("0123456789!@#$%&*._-? ")
    if folded in _common() or core in _common():
        raise WeakPassword("The password is among the ones that attackers try first.")
    own = folded
    for word in sorted(_words(personal), key=len, reverse=True):
        own = own.replace(word, "")
    if own != folded and sum(map(str.isalnum, own)) < 6:
        raise WeakPassword("The password is built on your name or e-mail address.")


def _is_run(text: str) -> bool:
    steps = {ord(b) - ord(a) for a, b in pairwise(text)}
    return len(steps) == 1 and steps <= {-1, 0, 1}


def _words(personal: tuple[str | None, ...]) -> set[str]:
    words: set[str] = set()
    for item in personal:
        for word in (item or "").casefold().replace("@", " ").replace(".", " ").split():
            if len(word) >= 4:
                words.add(word)
    return words


@cache
def _common() -> frozenset[str]:
    return frozenset(COMMON.read_text(encoding="utf-8").split())
