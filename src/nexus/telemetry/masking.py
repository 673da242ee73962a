"""Secrets and personal numbers are masked before anything is kept: text becomes `[masked:KIND]`.

What is masked: passwords, secrets, tokens, API keys, authorisation headers, cookies, JWTs, private keys,
passwords in connection strings; CPF, CNPJ (numeric and, since July 2026, alphanumeric) and card numbers whose
check digits hold. Numbers whose check digits do not hold stay: they are ids.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import orjson

# A name that ends so holds a secret, whatever stands before (`refresh_token`, `X-Api-Key`, `PGPASSWORD`).
_NAMES: tuple[tuple[str, str], ...] = (
    ("password", r"password|passwd|passphrase|pwd|senha"),
    ("secret", r"secret|cvv2?|cvc"),
    ("token", r"token|jwt|bearer"),
    ("key", r"(?:api|access|private|secret|signing|encryption)[_-]?key"),
    ("authorization", r"authorization|credentials?"),
    ("cookie", r"cookies?|sessionid|sessid"),
)
_PERSONAL = (("cpf", r"cpf"), ("cnpj", r"cnpj"), ("card", r"card[_-]?number|(?<![a-z])pan"))
_ANY_NAME = "|".join(words for _, words in _NAMES)
_DASHED = "--[a-z0-9_-]{0,30}"  # bounded, so that a line of dashes costs no more than any other
_NAMED = tuple((kind, re.compile(rf"(?i)(?:{words})\Z")) for kind, words in (*_NAMES, *_PERSONAL))
_COUNTS = re.compile(r"(?i)(?:max|min|num|count|total)[_-]?token\Z")

# Which texts the slow path must look at, for `re` and for RE2. It may find too much, never too little.
SUSPECT = (
    r"(?i)(?:^|[^0-9a-z]|\\[nrtbf]|\\u00[01][0-9a-f])"
    r"(?:[0-9]{11}|[0-9]{3}\.[0-9]{3}\.[0-9]{3}|[0-9]{13}|[0-9]{4}[ -][0-9]{4,6}[ -][0-9]{4,5}"
    r"|[0-9a-z]{2}\.[0-9a-z]{3}\.[0-9a-z]{3}/|[0-9a-z]{12}[0-9]{2}(?:[^0-9a-z]|$))"
    rf"|(?:{_ANY_NAME})(?:\\*[\"']|%22)?(?:\s|\+|%20)*(?:[:=]|'|%3d|%3a)"
    rf"|{_DASHED}(?:{_ANY_NAME})[\s\\\"']"
    r"|eyj[a-z0-9_-]{6}|bearer\s|basic\s|private key|://[^/\s:]*:[^/\s]*@"
    r"|akia[0-9a-z]{16}|gh[pousr]_[a-z0-9]{20}|github_pat_|glpat-|xox[abprs]-|sk_live_|aiza[0-9a-z_-]{30}"
)

_SUSPECT_HERE = re.compile(SUSPECT)

_VALUE = r"""(?:
    %22(?:(?!%22)[^\s,;&"'}\])])*(?:%22)? | \\+"[^"]*"? | "(?:[^"\\]|\\.)*"? | '(?:[^'\\]|\\.|'')*'?
    | (?:bearer|basic|digest|token|negotiate|apikey)\s+[^\s,;&"'}\])]+ | [^\s,;&"'}\])]+
)"""
_ASSIGNED = re.compile(
    rf"""(?ix)
    (?P<name>(?:{_ANY_NAME}))
    (?P<between>(?:\\*["']|%22)?(?:\s|\+|%20)*(?:[:=]|%3d|%3a)(?:\s|\+|%20)*+|\s+(?='))
    (?P<value>(?!(?:["']|%22)?\[masked:){_VALUE})
    """
)
# An option of a command line, whole or in a JSON list of its words.
_OPTION = re.compile(
    rf"""(?ix)
    (?P<name>{_DASHED}(?:{_ANY_NAME}))
    (?P<between>\s+ | \\*["']\s*,\s*(?=\\*["']))
    (?P<value>(?!["']?\[masked:|-){_VALUE})
    """
)
_PEM = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL)
_COOKIE = re.compile(r"(?i)\b((?:set-)?cookie)(\s*:\s*)(?!\s*\[masked:)([^\r\n\"']+)")
_PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("jwt", re.compile(r"\beyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)*")),
    ("token", re.compile(r"(?i)(?P<keep>\bbearer\s+)(?=\S*[0-9.]|\S{20})[a-z0-9._~+/-]{8,}=*")),
    (
        "authorization",
        re.compile(r"(?i)(?P<keep>\bbasic\s+)(?=\S*[0-9=]|\S{16})[a-z0-9+/]{8,}=*(?![a-z0-9])"),
    ),
    (
        "key",
        re.compile(
            r"\b(?:AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}"
            r"|xox[abprs]-[\w-]{10,}|sk_live_\w{10,}|AIza[\w-]{30,})"
        ),
    ),
    ("password", re.compile(r"(?<=://)(?P<keep>[^/\s:\"']*:)(?!\[masked:)[^/\s\"']+(?=@)")),
)
_NUMBER_EDGE, _NUMBER_END = r"(?<![0-9A-Za-z])(?<![0-9][.,])", r"(?![0-9A-Za-z])(?![.,][0-9])"
_CPF = re.compile(rf"{_NUMBER_EDGE}(?:\d{{3}}\.\d{{3}}\.\d{{3}}-\d{{2}}|\d{{11}}){_NUMBER_END}")
_CNPJ = re.compile(
    rf"{_NUMBER_EDGE}(?:[0-9A-Za-z]{{2}}\.[0-9A-Za-z]{{3}}\.[0-9A-Za-z]{{3}}/[0-9A-Za-z]{{4}}-\d{{2}}"
    rf"|[0-9A-Z]{{12}}\d{{2}}){_NUMBER_END}"
)
_CARD = re.compile(
    rf"{_NUMBER_EDGE}(?:\d{{4}}([ -])\d{{4}}\1\d{{4}}\1\d{{4}}|\d{{4}}([ -])\d{{6}}\2\d{{4,5}}|\d{{13,19}})"
    rf"{_NUMBER_END}"
)
# First digits of cards (ISO/IEC 7812): Visa, Mastercard, American Express, Diners, JCB, Discover, Elo.
_ISSUERS = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})\Z|5[0-5]\d{14}\Z|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}\Z|3[47]\d{13}\Z"
    r"|3(?:0[0-5]|[68]\d)\d{11}\Z|35\d{14}\Z|6\d{15}\Z"
)
# 14 digits that read as year, month, day, hour, minute and second. `0001` there is a company's head office.
_STAMP = re.compile(
    r"20\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?!0001)(?:[01]\d|2[0-3])[0-5]\d[0-5]\d\Z"
)

_ORDER = re.compile(r"[A-Z]+[0-9]+\Z")


def mask(text: str) -> str:
    """One text, masked. Masking twice changes nothing more."""
    text = _PEM.sub("[masked:key]", text)
    text = _COOKIE.sub(r"\1\2[masked:cookie]", text)
    text = _ASSIGNED.sub(_assigned, text)
    text = _OPTION.sub(_assigned, text)
    for kind, pattern in _PATTERNS:
        text = pattern.sub(lambda found, kind=kind: f"{_kept(found)}[masked:{kind}]", text)  # type: ignore[misc]
    text = _CNPJ.sub(lambda found: _if(_is_cnpj, found[0], "cnpj"), text)
    text = _CPF.sub(lambda found: _if(_is_cpf, found[0], "cpf"), text)
    return _CARD.sub(lambda found: _if(_is_card, found[0], "card"), text)


@lru_cache(maxsize=8192)
def mask_label(name: str, value: str) -> str:
    """A label's value, masked; as a whole by its name."""
    return sensitive(name) or (mask(value) if is_suspect(value) else value)


def mask_answer(text: str) -> str:
    """What a service answered: JSON is masked value by value and stays JSON, anything else as a text."""
    if not is_suspect(text):
        return text
    try:
        return mask_object(text)
    except orjson.JSONDecodeError:
        return mask(text)


@lru_cache(maxsize=4096)
def sensitive(name: str) -> str:
    """The mask of an attribute's whole value by its name; "" when the name says nothing of the kind."""
    if _COUNTS.search(name):
        return ""
    return next((f"[masked:{kind}]" for kind, pattern in _NAMED if pattern.search(name)), "")


def is_suspect(text: str) -> bool:
    """Whether the slow path must look at a text."""
    return _SUSPECT_HERE.search(text) is not None


def mask_object(text: str) -> str:
    """The text of a JSON object with its values masked; values of sensitive names as a whole."""
    return orjson.dumps(_inside(orjson.loads(text))).decode() if text else text


def _inside(value: Any) -> Any:
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, dict):
        return {mask(key): sensitive(key) or _inside(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_inside(each) for each in value]
    if isinstance(value, int) and not isinstance(value, bool):
        masked = mask(str(value))
        return masked if masked.startswith("[") else value
    return value


def _assigned(found: re.Match[str]) -> str:
    mark = sensitive(found["name"])
    if not mark:
        return found[0]
    value = found["value"]
    quote = next((each for each in ('"', "'", "%22") if value.startswith(each)), "")
    return f"{found['name']}{found['between']}{quote}{mark}{quote}"


def _kept(found: re.Match[str]) -> str:
    return found["keep"] if "keep" in found.re.groupindex else ""


def _if(holds: Callable[[str], bool], text: str, kind: str) -> str:
    return f"[masked:{kind}]" if holds(text) else text


def _is_cpf(text: str) -> bool:
    digits = [int(each) for each in text if each.isdigit()]
    if len(set(digits)) == 1:
        return False
    return all(_check(digits[:count], range(count + 1, 1, -1)) == digits[count] for count in (9, 10))


def _is_cnpj(text: str) -> bool:
    """Check digits by character code − 48, as the Receita Federal does since letters are allowed."""
    bare = "".join(each for each in text.upper() if each.isalnum())
    if len(set(bare)) == 1 or (bare == text and (_STAMP.match(bare) or not _plausible(bare))):
        return False
    values = [ord(each) - 48 for each in bare]
    weights = (6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2)
    return all(_check(values[:count], weights[-count:]) == values[count] for count in (12, 13))


def _plausible(bare: str) -> bool:
    """Letters and then digits alone are an order's number (`SO202611250042`), but for a head office."""
    return bare.isdigit() or bare[8:12] == "0001" or not _ORDER.match(bare)


def _check(values: list[int], weights: Any) -> int:
    rest = sum(value * weight for value, weight in zip(values, weights, strict=True)) % 11
    return 0 if rest < 2 else 11 - rest


def _is_card(text: str) -> bool:
    digits = "".join(each for each in text if each.isdigit())
    if not _ISSUERS.match(digits) or len(set(digits)) == 1:
        return False
    doubled = (sum(divmod(int(each) * 2, 10)) for each in digits[-2::-2])
    return (sum(int(each) for each in digits[-1::-2]) + sum(doubled)) % 10 == 0
