"""Brazil's CNPJ, numeric or alphanumeric (from July 2026): a character counts as its code minus 48."""

import re

SHAPE = re.compile(r"^[0-9A-Z]{12}[0-9]{2}$")


def plain(text: str) -> str:
    """Without punctuation and in capitals."""
    return re.sub(r"[^0-9A-Za-z]", "", text).upper()


def is_valid(text: str) -> bool:
    """Whether the plain text is a CNPJ with right check digits."""
    if not SHAPE.match(text) or len(set(text)) == 1:
        return False
    values = [ord(character) - 48 for character in text]
    return values[12] == _check_digit(values[:12]) and values[13] == _check_digit(values[:13])


def _check_digit(values: list[int]) -> int:
    weights = (2 + place % 8 for place in range(len(values)))
    rest = sum(value * weight for value, weight in zip(reversed(values), weights, strict=False)) % 11
    return 0 if rest < 2 else 11 - rest
