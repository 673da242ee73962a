"""Mail on its way out: written with the change that causes it, sealed until an adapter has delivered it."""

import asyncio
import json
import os
from datetime import timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import Protocol
from uuid import UUID

from nexus_kit import Tx, new_id

from nexus_auth.chassis import mail_sealer, module
from nexus_auth.letters import LETTERS

MAX_ATTEMPTS = 10
SENDER = "Nexus <nexus@localhost>"


class MailAdapter(Protocol):
    """Delivers one message. Must tolerate the same message twice: its Message-ID is stable."""

    async def send(self, message: EmailMessage) -> None:
        """Deliver or raise OSError to be asked again later."""


class FileMail:
    """Delivers into a folder that only this service reads: one .eml file, mode 0600, per message."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def send(self, message: EmailMessage) -> None:
        """Write the message under its id; a second delivery replaces the first."""
        await asyncio.to_thread(self._write, message)

    def _write(self, message: EmailMessage) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = str(message["Message-ID"]).strip("<>").partition("@")[0]
        draft = self._folder / f".{name}"
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(message.as_bytes())
        draft.rename(self._folder / f"{name}.eml")


adapter: MailAdapter = FileMail((module.settings.state_dir or Path.cwd()) / "mail")


async def enqueue(tx: Tx, company_id: UUID, recipient: str, kind: str, values: dict[str, str]) -> None:
    """Write a message in the caller's transaction. `values` fill the letter and may hold a secret."""
    mail_id = new_id()
    await tx.execute(
        "INSERT INTO outgoing_mail (id, company_id, recipient, kind, language, sealed_values)"
        " VALUES ($1, $2, $3, $4, $5, $6)",
        mail_id,
        company_id,
        recipient,
        kind,
        module.settings.lang,
        mail_sealer.seal(json.dumps(values).encode(), f"outgoing_mail/{mail_id}"),
    )


@module.worker(every=5)
async def deliver_mail() -> None:
    """Deliver what is due; what fails is tried again with growing pauses, then given up and reported."""
    async with module.db.system() as tx:
        rows = await tx.fetch(
            "SELECT id, recipient, kind, language, sealed_values, attempts, created_at FROM outgoing_mail"
            " WHERE state = 'pending' AND next_attempt_at <= now()"
            " ORDER BY next_attempt_at LIMIT 20 FOR UPDATE SKIP LOCKED"
        )
        for row in rows:
            values = json.loads(mail_sealer.open(row["sealed_values"], f"outgoing_mail/{row['id']}"))
            message = LETTERS[row["kind"]].message(row["language"], values)
            message["From"], message["To"] = SENDER, row["recipient"]
            message["Date"] = format_datetime(row["created_at"])
            message["Message-ID"] = f"<{row['id']}@nexus>"
            try:
                await adapter.send(message)
            except OSError as error:
                await _postpone(tx, row["id"], row["attempts"] + 1, str(error))
            else:
                await tx.execute(
                    "UPDATE outgoing_mail SET state = 'sent', sent_at = now(), sealed_values = NULL,"
                    " attempts = attempts + 1, last_error = NULL WHERE id = $1",
                    row["id"],
                )


async def _postpone(tx: Tx, mail_id: UUID, attempts: int, error: str) -> None:
    given_up = attempts >= MAX_ATTEMPTS
    await tx.execute(
        "UPDATE outgoing_mail SET attempts = $2, last_error = $3, next_attempt_at = now() + $4,"
        " state = CASE WHEN $5 THEN 'failed' ELSE state END,"
        " sealed_values = CASE WHEN $5 THEN NULL ELSE sealed_values END WHERE id = $1",
        mail_id,
        attempts,
        error[:500],
        timedelta(seconds=min(600, 5 * 2**attempts)),
        given_up,
    )
