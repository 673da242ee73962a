"""Brazilian tax ids: CPF (people) and CNPJ (companies), the alphanumeric CNPJ included.

A CNPJ's character counts as its code minus 48 in the check sum, so ``0``..``9`` are 0..9 and ``A``..``Z``
are 17..42. Both check digits are always decimal.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Kind = Literal["cpf", "cnpj"]

_CPF = re.compile(r"[0-9]{11}")
_CNPJ = re.compile(r"[0-9A-Z]{12}[0-9]{2}")
_PUNCTUATION = str.maketrans("", "", " .-/")


class InvalidTaxId(ValueError):
    """The text is neither a valid CPF nor a valid CNPJ; the message says why."""


@dataclass(frozen=True, slots=True)
class TaxId:
    """A valid tax id: its kind and its normalised value (no punctuation, capitals)."""

    kind: Kind
    value: str

    @property
    def formatted(self) -> str:
        """The value as people write it: ``529.982.247-25`` or ``12.ABC.345/01DE-35``."""
        v = self.value
        if self.kind == "cpf":
            return f"{v[:3]}.{v[3:6]}.{v[6:9]}-{v[9:]}"
        return f"{v[:2]}.{v[2:5]}.{v[5:8]}/{v[8:12]}-{v[12:]}"


def normalise(text: str) -> str:
    """Drop the punctuation of a written tax id and make its letters capitals."""
    return text.translate(_PUNCTUATION).upper()


def parse(text: str) -> TaxId:
    """Read a CPF or a CNPJ, written with or without punctuation.

    Raises InvalidTaxId when the length, a character or a check digit is wrong.
    """
    value = normalise(text)
    if len(value) == 11:
        return _checked("cpf", value, _CPF, cpf_digits)
    if len(value) == 14:
        return _checked("cnpj", value, _CNPJ, cnpj_digits)
    raise InvalidTaxId(f"A CPF has 11 characters and a CNPJ 14, this has {len(value)}.")


def _checked(kind: Kind, value: str, shape: re.Pattern[str], digits: Callable[[str], str]) -> TaxId:
    if not shape.fullmatch(value):
        allowed = "digits" if kind == "cpf" else "digits and letters A to Z, and its last two are digits"
        raise InvalidTaxId(f"A {kind.upper()} has only {allowed}.")
    if len(set(value)) == 1:
        raise InvalidTaxId(f"A {kind.upper()} of one repeated digit is not issued.")
    if digits(value[:-2]) != value[-2:]:
        raise InvalidTaxId(f"The check digits of this {kind.upper()} do not match: look for a typing error.")
    return TaxId(kind, value)


def cpf_digits(base: str) -> str:
    """The two check digits of a CPF's first nine digits."""
    return _two_digits(base, longest_weight=11)


def cnpj_digits(base: str) -> str:
    """The two check digits of a CNPJ's first twelve characters."""
    return _two_digits(base, longest_weight=9)


def _two_digits(base: str, longest_weight: int) -> str:
    found = ""
    for _ in range(2):
        total = sum(
            (ord(character) - 48) * (2 + position % (longest_weight - 1))
            for position, character in enumerate(reversed(base + found))
        )
        remainder = total % 11
        found += "0" if remainder < 2 else str(11 - remainder)
    return found
