"""The formats of one language and time zone, as templates use them: ``fmt.money(order.total)``."""

from __future__ import annotations

from datetime import date, datetime, tzinfo
from decimal import Decimal

from nexus_frontend import formats


class Formatter:
    """Binds language and zone to the functions of `formats`."""

    def __init__(self, language: str, zone: tzinfo) -> None:
        self.language = language
        self.zone = zone

    def money(self, value: object, currency: str = "BRL") -> str:
        return formats.money(value, self.language, currency)

    def short_money(self, value: object) -> str:
        return formats.short_money(value, self.language)

    def number(self, value: object, places: int = 0) -> str:
        return formats.number(value, self.language, places)

    def quantity(self, value: object) -> str:
        return formats.quantity(value, self.language)

    def percent(self, value: object) -> str:
        return formats.percent(value, self.language)

    def typed(self, value: object, places: int | None = None) -> str:
        return formats.typed(value, self.language, places)

    def day(self, value: object) -> str:
        return formats.day(value, self.language, self.zone)

    def short_day(self, value: object) -> str:
        return formats.short_day(value, self.language)

    def long_day(self, value: date) -> str:
        return formats.long_day(value, self.language)

    def month(self, value: object) -> str:
        return formats.month(value, self.language)

    def clock(self, value: object) -> str:
        return formats.clock(value, self.zone)

    def exact_clock(self, value: object) -> str:
        return formats.clock(value, self.zone, seconds=True)

    def stamp(self, value: object) -> str:
        return formats.stamp(value, self.language, self.zone)

    def brief(self, value: object) -> str:
        return formats.brief(value, self.language, self.zone)

    def tax_id(self, value: object) -> str:
        return formats.tax_id(value)

    def agent(self, value: object) -> str:
        return formats.agent(value)

    def decimal(self, value: object) -> Decimal:
        return formats.to_decimal(value)

    def today(self) -> date:
        return datetime.now(self.zone).date()
