"""Lock-out as kept in the database, shared by all instances."""

import math
from datetime import timedelta

from nexus_kit import Tx

from nexus_auth.client import Client
from nexus_auth.domain.lockout import account_subject, address_subject, rule_of
from nexus_auth.synthetic import EMAIL as PROBE


def subjects(email: str, client: Client) -> list[str]:
    """What a login attempt counts against: the account named, and the address if it is a real one.

    Sorted, so that two attempts lock the rows in the same order. The probe's account is never locked:
    everybody knows its e-mail, so anybody could lock it, and nobody guesses its long random password.
    """
    named = [] if email == PROBE else [account_subject(email)]
    if client.address:
        named.append(address_subject(client.address))
    return sorted(named)


async def seconds_locked(tx: Tx, names: list[str]) -> int:
    """Seconds until the last lock on any of the subjects ends; 0 when none is locked."""
    left = await tx.fetchval(
        "SELECT extract(epoch FROM max(locked_until) - now())::float8 FROM login_throttles"
        " WHERE subject = ANY($1) AND locked_until > now()",
        names,
    )
    return math.ceil(left) if left else 0


async def count_failure(tx: Tx, names: list[str]) -> int:
    """Count one more failure against each subject. Returns the seconds the caller must now wait."""
    longest = 0
    for name in names:
        rule = rule_of(name)
        failures: int = await tx.fetchval(
            "INSERT INTO login_throttles AS t (subject, failures) VALUES ($1, 1)"
            " ON CONFLICT (subject) DO UPDATE SET last_failure_at = now(),"
            " failures = CASE WHEN t.last_failure_at < now() - $2::interval THEN 1 ELSE t.failures + 1 END"
            " RETURNING failures",
            name,
            timedelta(seconds=rule.forget),
        )
        wait = rule.wait(failures)
        if wait:
            await tx.execute(
                "UPDATE login_throttles SET locked_until = now() + $2 WHERE subject = $1",
                name,
                timedelta(seconds=wait),
            )
        longest = max(longest, wait)
    return longest


async def forgive(tx: Tx, email: str) -> None:
    """Forget the failures of an account: its owner has proved who they are."""
    await tx.execute("DELETE FROM login_throttles WHERE subject = $1", account_subject(email))
