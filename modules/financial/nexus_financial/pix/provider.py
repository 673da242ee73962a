"""What the books need from a payment service provider.

A real PSP is one more class with these five methods.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class NewCharge:
    """A charge to register. `txid` is ours: registering it again is harmless."""

    txid: str
    amount: Decimal
    expires_at: datetime
    payee: str


@dataclass(frozen=True, slots=True)
class Registered:
    """A charge the provider knows, with what the customer copies into the bank's application."""

    txid: str
    copy_paste: str


@dataclass(frozen=True, slots=True)
class Pix:
    """One transfer received for a charge."""

    end_to_end_id: str
    amount: Decimal
    paid_at: datetime


@dataclass(frozen=True, slots=True)
class ChargeStatus:
    """The provider's truth about a charge."""

    txid: str
    state: Literal["active", "paid", "expired", "removed"]
    received: tuple[Pix, ...]


@dataclass(frozen=True, slots=True)
class Settlement:
    """A transfer that reached the bank account. `cursor` grows in the order in which they may be read."""

    cursor: int
    end_to_end_id: str
    txid: str
    amount: Decimal
    settled_at: datetime


class PixProvider(Protocol):
    """All calls may be repeated without harm; they raise on failure and the workers try again."""

    name: str

    async def create_charges(self, batch: Sequence[NewCharge]) -> list[Registered]:
        """Register the charges; answers for each of them, new or known."""
        ...

    async def cancel_charges(self, txids: Sequence[str]) -> None:
        """Withdraw unpaid charges; unknown and paid ones are left alone."""
        ...

    async def fetch(self, txids: Sequence[str]) -> list[ChargeStatus]:
        """The state of the charges; unknown txids are absent from the answer."""
        ...

    async def settlements(self, after: int, limit: int = 500) -> list[Settlement]:
        """Settled transfers with a cursor above `after`, in order."""
        ...
