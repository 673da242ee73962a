"""Numbers, money, dates and tax ids as people in Brazil and abroad write them."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, tzinfo
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

NBSP = "\u00a0"
SYMBOLS = {"BRL": "R$", "USD": "US$", "EUR": "€"}
MONTHS = {
    "pt-BR": "jan fev mar abr mai jun jul ago set out nov dez".split(),
    "en": "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(),
}
LONG_MONTHS = {
    "pt-BR": (
        "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro"
    ).split(),
    "en": "January February March April May June July August September October November December".split(),
}
WEEKDAYS = {
    "pt-BR": "segunda terça quarta quinta sexta sábado domingo".split(),
    "en": "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split(),
}
BROWSERS = {
    "Edg/": "Edge",
    "OPR/": "Opera",
    "Firefox/": "Firefox",
    "Chrome/": "Chrome",
    "Safari/": "Safari",
}
SYSTEMS = {
    "Android": "Android",
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Windows": "Windows",
    "Mac OS": "macOS",
    "Linux": "Linux",
}


def to_decimal(value: object) -> Decimal:
    """A Decimal from what JSON carried; empty and unreadable values count as zero."""
    try:
        return Decimal(str(value)) if value not in (None, "") else Decimal(0)
    except InvalidOperation:
        return Decimal(0)


def number(value: object, language: str, places: int = 0) -> str:
    """A number with thousands separators and a fixed count of decimal places."""
    rounded = to_decimal(value).quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)
    text = f"{rounded:,.{places}f}"
    return text if language == "en" else text.translate(str.maketrans(",.", ".,"))


def quantity(value: object, language: str) -> str:
    """A quantity without the zeros the database keeps: ``3``, ``2,5``."""
    exact = to_decimal(value).normalize()
    exponent = exact.as_tuple().exponent
    return number(exact, language, max(0, -exponent) if isinstance(exponent, int) else 0)


def money(value: object, language: str, currency: str = "BRL") -> str:
    """Money with its symbol: ``R$ 1.234,56`` in Portuguese, ``R$1,234.56`` in English."""
    amount = to_decimal(value)
    symbol = SYMBOLS.get(currency, currency)
    gap = NBSP if language != "en" or currency not in SYMBOLS else ""
    return f"{'-' if amount < 0 else ''}{symbol}{gap}{number(abs(amount), language, 2)}"


def short_money(value: object, language: str) -> str:
    """Money for a chart's axis: ``12 mil``, ``1,2 mi``; ``12k``, ``1.2M``."""
    amount = to_decimal(value)
    for limit, pt, en in ((Decimal(10) ** 6, f"{NBSP}mi", "M"), (Decimal(10) ** 3, f"{NBSP}mil", "k")):
        if abs(amount) >= limit:
            scaled = amount / limit
            places = 0 if scaled == scaled.to_integral_value() or abs(scaled) >= 100 else 1
            return number(scaled, language, places) + (en if language == "en" else pt)
    return number(amount, language)


def percent(value: object, language: str) -> str:
    """A percentage: ``12,5 %`` / ``12.5%``."""
    return quantity(value, language) + ("%" if language == "en" else f"{NBSP}%")


def parse_decimal(text: str, language: str) -> Decimal | None:
    """What a person typed as a number, or None: ``1.234,56``, ``1,234.56``, ``R$ 10``, ``2.5``.

    The last separator counts as the decimal one; a lone separator with exactly three digits after it is
    a thousands separator when that is the language's custom.
    """
    bare = re.sub(r"[\sR$€]|US\$", "", text)
    if not re.fullmatch(r"[+-]?[\d.,]*\d[\d.,]*", bare):
        return None
    comma, dot = bare.rfind(","), bare.rfind(".")
    thousands = "," if language == "en" else "."
    if comma >= 0 and dot >= 0:
        mark = "," if comma > dot else "."
    elif comma < 0 and dot < 0:
        mark = ""
    else:
        mark = "," if comma >= 0 else "."
        if bare.count(mark) > 1 or (mark == thousands and re.search(r"\d[.,]\d{3}$", bare)):
            mark = ""
    whole, _, fraction = bare.rpartition(mark) if mark else (bare, "", "")
    try:
        return Decimal(re.sub(r"[.,]", "", whole) + ("." + fraction if fraction else ""))
    except InvalidOperation:
        return None


def typed(value: object, language: str, places: int | None = None) -> str:
    """A number as it stands in an input field: no thousands separators."""
    if value in (None, ""):
        return ""
    text = quantity(value, "en") if places is None else number(value, "en", places)
    text = text.replace(",", "")
    return text if language == "en" else text.replace(".", ",")


def moment(value: object) -> datetime | None:
    """A datetime from ISO 8601 text (or one already); UTC when no zone is given."""
    if isinstance(value, str) and value:
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def day(value: object, language: str, zone: tzinfo) -> str:
    """A date: ``23/11/2026`` or ``23 Nov 2026``."""
    if isinstance(value, str) and len(value) == 10:
        value = _date(value)
    elif not isinstance(value, date) or isinstance(value, datetime):
        at = moment(value)
        value = at.astimezone(zone).date() if at else None
    if not isinstance(value, date):
        return ""
    if language == "en":
        return f"{value.day} {MONTHS['en'][value.month - 1]} {value.year}"
    return f"{value:%d/%m/%Y}"


def short_day(value: object, language: str) -> str:
    """Day and month, for a chart: ``23 nov``."""
    found = _date(str(value)[:10])
    return f"{found.day} {MONTHS[language][found.month - 1]}" if found else ""


def long_day(value: date, language: str) -> str:
    """A date in words: ``segunda, 23 de novembro``."""
    weekday, month = WEEKDAYS[language][value.weekday()], LONG_MONTHS[language][value.month - 1]
    if language == "en":
        return f"{weekday}, {value.day} {month}"
    return f"{weekday}{'-feira' if value.weekday() < 5 else ''}, {value.day} de {month}"


def month(value: object, language: str) -> str:
    """A period ``2026-11`` in words: ``novembro de 2026``."""
    match = re.match(r"(\d{4})-(\d{2})", str(value))
    if not match or not 1 <= int(match[2]) <= 12:
        return str(value)
    name = LONG_MONTHS[language][int(match[2]) - 1]
    return f"{name} {match[1]}" if language == "en" else f"{name} de {match[1]}"


def clock(value: object, zone: tzinfo, *, seconds: bool = False) -> str:
    """The time of day: ``14:05`` or ``14:05:09``."""
    at = moment(value)
    return (
        f"{at.astimezone(zone):%H:%M:%S}" if at and seconds else f"{at.astimezone(zone):%H:%M}" if at else ""
    )


def stamp(value: object, language: str, zone: tzinfo) -> str:
    """Date and time together."""
    return f"{day(value, language, zone)} {clock(value, zone)}".strip() if moment(value) else ""


def brief(value: object, language: str, zone: tzinfo) -> str:
    """A moment as short as it stays clear: the hour today, day and month this year, else the date."""
    at = moment(value)
    if at is None:
        return ""
    local, now = at.astimezone(zone), datetime.now(zone)
    if local.date() == now.date():
        return f"{local:%H:%M}"
    return (
        short_day(local.date().isoformat(), language) if local.year == now.year else day(at, language, zone)
    )


def tax_id(value: object) -> str:
    """A CPF or CNPJ (the alphanumeric one too) with its dots; anything else as it is."""
    text = str(value or "")
    bare = re.sub(r"[^0-9A-Za-z]", "", text).upper()
    if len(bare) == 11:
        return f"{bare[:3]}.{bare[3:6]}.{bare[6:9]}-{bare[9:]}"
    if len(bare) == 14:
        return f"{bare[:2]}.{bare[2:5]}.{bare[5:8]}/{bare[8:12]}-{bare[12:]}"
    return text


def agent(text: object) -> str:
    """A browser and its system, from a User-Agent: ``Firefox, Linux``."""
    found = str(text or "")
    names = [
        next((name for mark, name in kinds.items() if mark in found), "") for kinds in (BROWSERS, SYSTEMS)
    ]
    return ", ".join(name for name in names if name) or found[:40] or "?"


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
