"""Lock-out: how long a subject must wait after so many failures."""

import hashlib
import ipaddress
from dataclasses import dataclass


@dataclass(frozen=True)
class Rule:
    """The first `free` failures cost nothing; then `base` seconds, doubling up to `cap`.

    Failures are forgotten after `forget` seconds without a new one.
    """

    free: int
    base: int
    cap: int
    forget: int

    def wait(self, failures: int) -> int:
        """Seconds to wait after this many failures in a row."""
        over = failures - self.free
        if over < 0:
            return 0
        return min(self.cap, self.base << min(over, 20))


ACCOUNT = Rule(free=5, base=30, cap=15 * 60, forget=24 * 3600)
ADDRESS = Rule(free=20, base=30, cap=60 * 60, forget=60 * 60)


def rule_of(subject: str) -> Rule:
    """The rule for a subject made by `account_subject` or `address_subject`."""
    return ACCOUNT if subject.startswith("account:") else ADDRESS


def account_subject(email: str) -> str:
    """Name under which failures for an e-mail are counted: a digest, whether the account exists or not.

    A digest, because people type passwords into the e-mail field too.
    """
    return "account:" + hashlib.sha256(email.encode()).hexdigest()


def address_subject(address: str) -> str:
    """Name under which failures from an address are counted; an IPv6 client owns its whole /64."""
    ip = ipaddress.ip_address(address)
    if ip.version == 6:
        return f"address:{ipaddress.ip_network((ip, 64), strict=False)}"
    return f"address:{ip}"
