"""Durations of the module, each settable from the environment."""

from collections.abc import Mapping
from dataclasses import dataclass

DAY = 24 * 60 * 60


@dataclass(frozen=True)
class Policy:
    """invitation_ttl: seconds until an invitation ends, from USERS_INVITATION_TTL."""

    invitation_ttl: int = 7 * DAY

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "Policy":
        """Raises ValueError that names the variable when it is no positive whole number."""
        text = environ.get("USERS_INVITATION_TTL")
        if text is None:
            return cls()
        if not text.isascii() or not text.isdigit() or int(text) == 0:
            raise ValueError(
                f"USERS_INVITATION_TTL={text!r} is not a positive whole number: mend the module's env"
            )
        return cls(invitation_ttl=int(text))
