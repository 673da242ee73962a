"""The recovery kit: a secret key on paper that opens every backup, and what else is needed beside it.

The secret half is returned once and kept nowhere. It is printed in lines of ten letters, each with two that
check it, so that a slip in typing is found, and found where it is.
"""

from __future__ import annotations

import hashlib
import re
import time
from dataclasses import dataclass, field

from nexus.recovery.errors import WrongKey
from nexus.recovery.sealing.keyring import KitMark, keep_kit
from nexus.recovery.sealing.keys import new_identity, recipient_of
from nexus.runtimes.home import Home

PREFIX = "AGE-SECRET-KEY-1"
LETTERS, LINE, GROUP = 58, 10, 5  # letters of a key, of a line and of a group
_LETTERS = "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L"  # those of the key itself (bech32): no 1, B, I, O
_KEY = re.compile(rf"{PREFIX}[{_LETTERS}]{{{LETTERS}}}")
_LINE = re.compile(r"^\s*([1-6])[\s.:)]+([^\W_](?:[^\W_]|\s)*?)[\s/=-]+([^\W_]{2})\s*$")  # with any slip
_LONGEST = LINE + 2  # letters of a line with one or two too many; what is longer is a sentence


@dataclass(frozen=True)
class Kit:
    """`identity` is the secret; `recipient` its public half; `made` in seconds since the epoch."""

    identity: str = field(repr=False)
    recipient: str
    made: float

    @property
    def lines(self) -> tuple[str, ...]:
        """The secret as it is printed."""
        return key_lines(self.identity)


def new_kit(now: float | None = None) -> Kit:
    """A kit that nothing is sealed for yet: whoever shows it to somebody has it count then (`count_kit`)."""
    identity = new_identity()
    return Kit(identity, recipient_of(identity), time.time() if now is None else now)


def count_kit(home: Home, kit: Kit) -> None:
    """From now on all is sealed for this kit, in the place of an older one.

    What was sealed before is opened by the older kit, and by the stack's own key. It counts as made when all
    can read it: what begins later is surely sealed for it.
    """
    keep_kit(home, KitMark(kit.recipient, kit.made))
    keep_kit(home, KitMark(kit.recipient, max(kit.made, time.time())))


def make_kit(home: Home) -> Kit:
    """Makes a kit that counts from now on."""
    kit = new_kit()
    count_kit(home, kit)
    return kit


def key_lines(identity: str) -> tuple[str, ...]:
    """A secret key in numbered lines: `1  QQQQQ QQQQQ  / QQ`. Pure."""
    letters = identity.strip().upper().removeprefix(PREFIX)
    lines = [letters[at : at + LINE] for at in range(0, len(letters), LINE)]
    return tuple(
        f"{number}  {' '.join(_groups(line)):<{LINE + 1}}  / {_check(number, line)}"
        for number, line in enumerate(lines, 1)
    )


def read_key(text: str) -> str:
    """The secret key in a text: as age writes it, or the kit's numbered lines, among other lines or alone.

    Raises:
        WrongKey: there is none, or a line of it has a slip; says which.
    """
    whole = _KEY.search(text.upper())
    if whole:
        recipient_of(whole[0])
        return whole[0]
    lines = _numbered(text)
    if not lines:
        raise WrongKey(
            "there is no key in it: write the six numbered lines of the recovery kit, with the two letters "
            f"that check each, or the key as one word ({PREFIX}…)"
        )
    letters = ""
    for number in range(1, 7):
        if number not in lines:
            raise WrongKey(f"line {number} of the key is missing; compare it with the recovery kit")
        typed, check = lines[number]
        if not _is_right(number, typed, check):
            raise WrongKey(f"line {number} of the key has a slip; compare it with the recovery kit")
        letters += typed
    identity = PREFIX + letters
    recipient_of(identity)
    return identity


def _numbered(text: str) -> dict[int, tuple[str, str]]:
    """The numbered lines: letters, and those that check them. Of two of one number that which is right."""
    found: dict[int, tuple[str, str]] = {}
    for row in text.splitlines():
        if not (match := _LINE.match(row)):
            continue
        number, typed, check = int(match[1]), re.sub(r"\s", "", match[2]).upper(), match[3].upper()
        if len(typed) <= _LONGEST and (number not in found or _is_right(number, typed, check)):
            found[number] = (typed, check)
    return found


def _groups(line: str) -> list[str]:
    return [line[at : at + GROUP] for at in range(0, len(line), GROUP)]


def _is_right(number: int, letters: str, check: str) -> bool:
    """A letter that no key has, or one too many or too few, is a slip whatever the two letters say."""
    whole = len(letters) == min(LINE, LETTERS - (number - 1) * LINE) and set(letters) <= set(_LETTERS)
    return whole and _check(number, letters) == check


def _check(number: int, letters: str) -> str:
    """Ten bits of a digest: one slip in a thousand goes unseen here, none by the key's own checksum."""
    digest = int.from_bytes(hashlib.sha256(f"{number}{letters}".encode()).digest()[:2], "big")
    return _LETTERS[digest & 31] + _LETTERS[digest >> 5 & 31]
