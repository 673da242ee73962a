"""Signing in: an e-mail and a password for a session."""

from dataclasses import dataclass
from uuid import UUID

from asyncpg import Record
from nexus_kit import Tx, problem

from nexus_auth.chassis import hasher, mint, module
from nexus_auth.client import Client
from nexus_auth.sessions import open_session
from nexus_auth.throttle import count_failure, forgive, seconds_locked, subjects
from nexus_auth.tokens import fresh_token

WRONG = ("invalid-credentials", "The e-mail or the password is wrong.")


@dataclass(frozen=True)
class Granted:
    """What a client gets: a pair of tokens, and whose they are."""

    access_token: str
    refresh_token: str
    user_id: UUID
    company_id: UUID
    email: str
    name: str | None
    permissions: list[str]


async def sign_in(email: str, password: str, client: Client) -> Granted:
    """Open a session. Raises problems: 401 wrong, 403 disabled, 429 locked.

    Known and unknown accounts take the same path: the same throttle, one password hash, the same answer.
    """
    names = subjects(email, client)
    await _refuse_if_locked(names, client)
    async with hasher:
        # Asked again inside the slot: whoever queued behind wrong guesses meets the lock they caused.
        account = await _refuse_if_locked(names, client, email)
        stored = account["password_hash"] if account else None
        fits = await hasher.verify(stored, password)
        renewed = await hasher.hash(password) if fits and stored and hasher.outdated(stored) else None
        if account is None or not fits:
            # Counted before the slot is free, so that guesses sent all at once do not slip past the lock.
            raise await _refusal(names, account, client)
    if not account["enabled"]:
        await _note(account, "disabled", client)
        raise problem(403, "account-disabled", "This account is disabled: ask your administrator.")
    return await _open(account, renewed, client)


async def _refuse_if_locked(names: list[str], client: Client, email: str | None = None) -> Record | None:
    async with module.db.system() as tx:
        wait = await seconds_locked(tx, names)
        if not wait:
            return await find_account(tx, email) if email is not None else None
        await _insert_attempt(tx, None, "locked", client)
    raise problem(
        429,
        "too-many-attempts",
        f"Too many failed attempts: try again in {wait} s.",
        retry_after=wait,
        headers={"Retry-After": str(wait)},
    )


async def find_account(tx: Tx, email: str) -> Record | None:
    """The credential for an e-mail, in a system transaction: nobody knows the company yet."""
    row: Record | None = await tx.fetchrow(
        "SELECT user_id, company_id, email, name, password_hash, password_changed_at, enabled"
        " FROM credentials WHERE email = $1",
        email,
    )
    return row


async def _refusal(names: list[str], account: Record | None, client: Client) -> Exception:
    if account is None:
        outcome = "unknown_account"
    else:
        outcome = "wrong_password" if account["password_hash"] else "no_password"
    async with module.db.system() as tx:
        await count_failure(tx, names)
        await _insert_attempt(tx, account, outcome, client)
    return problem(401, *WRONG)


async def _open(account: Record, renewed: str | None, client: Client) -> Granted:
    refresh_token = fresh_token()
    async with module.db.transaction(account["company_id"]) as tx:
        row = await tx.fetchrow(
            "UPDATE credentials SET last_login_at = now(), password_hash = coalesce($3, password_hash)"
            " WHERE user_id = $1 AND enabled AND password_changed_at IS NOT DISTINCT FROM $2"
            " RETURNING email, name, permissions",
            account["user_id"],
            account["password_changed_at"],
            renewed,
        )
        if row is None:
            raise problem(401, *WRONG)
        await forgive(tx, row["email"])
        session_id = await open_session(tx, account["company_id"], account["user_id"], client, refresh_token)
        await _insert_attempt(tx, account, "succeeded", client)
        access_token = await mint.for_user(
            tx,
            user_id=account["user_id"],
            company_id=account["company_id"],
            session_id=session_id,
            email=row["email"],
            permissions=row["permissions"],
        )
    return Granted(
        access_token,
        refresh_token,
        account["user_id"],
        account["company_id"],
        row["email"],
        row["name"],
        row["permissions"],
    )


async def _note(account: Record, outcome: str, client: Client) -> None:
    async with module.db.system() as tx:
        await _insert_attempt(tx, account, outcome, client)


async def _insert_attempt(tx: Tx, account: Record | None, outcome: str, client: Client) -> None:
    await tx.execute(
        "INSERT INTO login_attempts (company_id, user_id, outcome, address)"
        " VALUES ($1, $2, $3, $4::text::inet)",
        account["company_id"] if account else None,
        account["user_id"] if account else None,
        outcome,
        client.address,
    )
