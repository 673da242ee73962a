"""Durations and limits of the module, each settable from the environment."""

from collections.abc import Mapping
from dataclasses import dataclass, fields

MINUTE = 60
DAY = 24 * 60 * MINUTE
LONGEST_ACCESS = 15 * MINUTE


@dataclass(frozen=True)
class Policy:
    """What an operator may tune: `access_ttl` is read from AUTH_ACCESS_TTL and so on. Times in seconds."""

    access_ttl: int = 10 * MINUTE
    refresh_ttl: int = 14 * DAY
    session_ttl: int = 30 * DAY
    refresh_grace: int = 10
    reset_ttl: int = 30 * MINUTE
    resets_per_hour: int = 3
    key_lead: int = 60
    key_age: int = 30 * DAY
    hash_memory_kib: int = 19_456
    hash_passes: int = 2
    hash_parallel: int = 2
    hash_queue: int = 64
    health_min_logins: int = 20
    health_min_percent: int = 50
    attempts_kept: int = 90 * DAY

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "Policy":
        """Read AUTH_<FIELD>. Raises ValueError naming the variable that is no positive whole number."""
        given: dict[str, int] = {}
        for field in fields(cls):
            variable = f"AUTH_{field.name.upper()}"
            text = environ.get(variable)
            if text is None:
                continue
            if not text.isascii() or not text.isdigit() or int(text) == 0:
                raise ValueError(f"{variable}={text!r} is not a positive whole number: mend the module's env")
            given[field.name] = int(text)
        if given.get("access_ttl", 0) > LONGEST_ACCESS:
            raise ValueError(
                f"AUTH_ACCESS_TTL={given['access_ttl']} is more than {LONGEST_ACCESS}: modules remember ended"
                " sessions no longer than that; give less"
            )
        return cls(**given)
