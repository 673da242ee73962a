"""How the text in a search box becomes a condition on customers.

Three shapes are told apart: a tax id or its beginning (digits and punctuation), an e-mail or its beginning
(has an @), and anything else, which is looked for anywhere in the name, tax id or e-mail, accents apart.
"""

import re

from nexus_crm.tax_ids import normalise

_TAX_ID_START = re.compile(r"[0-9][0-9 ./-]{2,}")
_LAST = "\U0010ffff"


def condition(text: str, first: int) -> tuple[str, list[str]]:
    """SQL condition and its arguments, numbered from ``$first``, that finds customers by ``text``."""
    text = text.strip()
    if not text:
        return "true", []
    if _TAX_ID_START.fullmatch(text):
        return _prefix("tax_id", first), _range(normalise(text))
    if "@" in text and not text.startswith("@"):
        return _prefix("email", first), _range(text.lower())
    return f"position(fold(${first}::text) in search) > 0", [text]


def _prefix(column: str, first: int) -> str:
    return f'{column} COLLATE "C" >= ${first} AND {column} COLLATE "C" < ${first + 1}'


def _range(start: str) -> list[str]:
    return [start, start + _LAST]
