"""Mail on its way out: written with the change that causes it, sealed until an adapter has delivered it.

A module that sends mail has the table `outgoing_mail` in its migrations, and runs `Mail.deliver` as a worker.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from datetime import timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

from nexus_kit.database import Database
from nexus_kit.ids import new_id
from nexus_kit.logs import log
from nexus_kit.sealing import Sealer
from nexus_kit.tx import Tx

MAX_ATTEMPTS = 10
BATCH = 20
SENDER = "Nexus <nexus@localhost>"

_ENQUEUE = """
INSERT INTO outgoing_mail (id, company_id, recipient, kind, language, sealed_values)
VALUES ($1, $2, $3, $4, $5, $6)
"""
_DUE = f"""
SELECT id, recipient, kind, language, sealed_values, attempts, created_at FROM outgoing_mail
WHERE state = 'pending' AND next_attempt_at <= now()
ORDER BY next_attempt_at LIMIT {BATCH} FOR UPDATE SKIP LOCKED
"""
_SENT = """
UPDATE outgoing_mail SET state = 'sent', sent_at = now(), sealed_values = NULL, attempts = attempts + 1,
    last_error = NULL WHERE id = $1
"""
_POSTPONE = """
UPDATE outgoing_mail SET attempts = $2, last_error = $3, next_attempt_at = now() + $4,
    state = CASE WHEN $5 THEN 'failed' ELSE state END,
    sealed_values = CASE WHEN $5 THEN NULL ELSE sealed_values END WHERE id = $1
"""

Compose = Callable[[str, str, dict[str, str]], EmailMessage]


class Adapter(Protocol):
    """Delivers one message. Must tolerate the same message twice: its Message-ID is stable."""

    async def send(self, message: EmailMessage) -> None:
        """Deliver, or raise to be asked again later."""


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


class Mail:
    """A module's outgoing mail. `compose(kind, language, values)` makes the letter from what was enqueued."""

    def __init__(
        self, database: Database, sealer: Sealer, compose: Compose, adapter: Adapter, language: str
    ) -> None:
        self._database = database
        self._sealer = sealer
        self._compose = compose
        self._adapter = adapter
        self._language = language

    async def enqueue(
        self, tx: Tx, company_id: UUID, recipient: str, kind: str, values: dict[str, str]
    ) -> None:
        """Write a message in the caller's transaction. `values` fill the letter and may hold a secret."""
        mail_id = new_id()
        sealed = self._sealer.seal(json.dumps(values).encode(), _place(mail_id))
        await tx.execute(_ENQUEUE, mail_id, company_id, recipient, kind, self._language, sealed)

    async def deliver(self) -> None:
        """Deliver what is due; what fails is tried again with growing pauses, then given up and reported."""
        async with self._database.system() as tx:
            for row in await tx.fetch(_DUE):
                try:
                    await self._adapter.send(self._letter(row))
                except Exception as error:  # noqa: BLE001 - one bad letter must not hold up the others
                    await _postpone(tx, row, error)
                else:
                    await tx.execute(_SENT, row["id"])

    def _letter(self, row: Any) -> EmailMessage:
        values = json.loads(self._sealer.open(row["sealed_values"], _place(row["id"])))
        message = self._compose(row["kind"], row["language"], values)
        message["From"], message["To"] = SENDER, row["recipient"]
        message["Date"] = format_datetime(row["created_at"])
        message["Message-ID"] = f"<{row['id']}@nexus>"
        return message


def _place(mail_id: UUID) -> str:
    return f"outgoing_mail/{mail_id}"


async def _postpone(tx: Tx, row: Any, error: Exception) -> None:
    attempts = row["attempts"] + 1
    reason = f"{type(error).__name__}: {error}"[:500]
    log.warning("mail not delivered", extra={"mail": str(row["id"]), "attempts": attempts, "reason": reason})
    pause = timedelta(seconds=min(600, 5 * 2**attempts))
    await tx.execute(_POSTPONE, row["id"], attempts, reason, pause, attempts >= MAX_ATTEMPTS)
