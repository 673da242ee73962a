"""What a comparison of contracts finds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, order=True)
class Break:
    """A use that the provider's contract does not meet, or meets less well than the one that runs.

    `what` is the operation (`GET /api/crm/customers/{id}`) or event type (`order.confirmed`), `field` the
    field below it ("" = all of it), `why` says what happened to it.
    """

    consumer: str
    provider: str
    what: str
    field: str
    why: str

    @property
    def sentence(self) -> str:
        """How people are told of it."""
        place = f"{self.field} of {self.what}" if self.field else self.what
        return f"{self.consumer} relies on {place} ({self.provider}): {self.why}"

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "sentence": self.sentence}


@dataclass(frozen=True)
class Findings:
    """`breaks` refuse a release, `warnings` do not; `notes` tell what could not be compared, or was taken
    for granted.
    """

    breaks: tuple[Break, ...] = ()
    warnings: tuple[Break, ...] = ()
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "ok": not self.breaks,
            "breaks": [each.as_dict() for each in self.breaks],
            "warnings": [each.as_dict() for each in self.warnings],
            "notes": list(self.notes),
        }


@dataclass(frozen=True)
class Remark:
    """What the comparison of one field says; `breaking`: the consumer cannot cope with it."""

    field: str
    why: str
    breaking: bool = True


@dataclass
class Collected:
    """Findings while they are gathered."""

    breaks: set[Break] = field(default_factory=set)
    warnings: set[Break] = field(default_factory=set)
    notes: set[str] = field(default_factory=set)

    def take(self, consumer: str, provider: str, what: str, remarks: Iterable[Remark]) -> None:
        """Adds what was said of an operation or event."""
        for remark in remarks:
            kind = self.breaks if remark.breaking else self.warnings
            kind.add(Break(consumer, provider, what, remark.field, remark.why))

    def sorted(self) -> Findings:
        """The findings, in the same order each time."""
        return Findings(tuple(sorted(self.breaks)), tuple(sorted(self.warnings)), tuple(sorted(self.notes)))
