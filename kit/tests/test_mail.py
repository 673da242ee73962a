"""Mail: sealed at rest, delivered in the end, and never held up by a letter that cannot be."""

from __future__ import annotations

from email.message import EmailMessage
from pathlib import Path

from nexus_kit.database import Database
from nexus_kit.mail import MAX_ATTEMPTS, FileMail, Mail
from nexus_kit.sealing import Sealer
from nexus_kit.testing import ModuleProcess

SEALER = Sealer((b"m" * 43,), "echo", "mail")


def greeting(kind: str, language: str, values: dict[str, str]) -> EmailMessage:
    message = EmailMessage()
    message["Subject"] = f"{kind} in {language}"
    message.set_content(f"token {values['token']}")
    return message


async def enqueue(mail: Mail, database: Database, *recipients: str) -> None:
    async with database.transaction(ModuleProcess.company_id) as tx:
        for recipient in recipients:
            await mail.enqueue(tx, ModuleProcess.company_id, recipient, "greeting", {"token": "s3cret"})


async def states(process: ModuleProcess) -> dict[str, str]:
    rows = await process.admin.fetch("SELECT recipient, state FROM outgoing_mail")
    return {row["recipient"]: row["state"] for row in rows}


async def test_a_letter_is_sealed_until_it_is_delivered_and_then_erased(
    stopped: ModuleProcess, database: Database, tmp_path: Path
) -> None:
    mail = Mail(database, SEALER, greeting, FileMail(tmp_path / "mail"), "en")
    await enqueue(mail, database, "ana@example.com")
    assert "s3cret" not in await stopped.admin.fetchval("SELECT m::text FROM outgoing_mail m")
    await mail.deliver()
    await mail.deliver()
    [letter] = (tmp_path / "mail").iterdir()
    assert letter.stat().st_mode & 0o777 == 0o600
    assert "token s3cret" in letter.read_text()
    assert "Subject: greeting in en" in letter.read_text()
    assert await stopped.admin.fetchval("SELECT sealed_values IS NULL FROM outgoing_mail")


async def test_a_letter_that_cannot_be_opened_holds_up_no_other_and_is_given_up_in_the_end(
    stopped: ModuleProcess, database: Database, tmp_path: Path
) -> None:
    mail = Mail(database, SEALER, greeting, FileMail(tmp_path / "mail"), "en")
    await enqueue(mail, database, "broken@example.com", "ana@example.com")
    await stopped.admin.execute(
        "UPDATE outgoing_mail SET sealed_values = sealed_values || 'x',"
        " next_attempt_at = now() - interval '1 hour' WHERE recipient LIKE 'broken%'"
    )
    await mail.deliver()
    assert await states(stopped) == {"broken@example.com": "pending", "ana@example.com": "sent"}
    for _ in range(MAX_ATTEMPTS - 1):
        await stopped.admin.execute("UPDATE outgoing_mail SET next_attempt_at = now()")
        await mail.deliver()
    assert await states(stopped) == {"broken@example.com": "failed", "ana@example.com": "sent"}
    error = await stopped.admin.fetchval("SELECT last_error FROM outgoing_mail WHERE state = 'failed'")
    assert "was altered or moved" in error


async def test_a_letter_that_could_not_be_written_is_delivered_later(
    stopped: ModuleProcess, database: Database, tmp_path: Path
) -> None:
    mail = Mail(database, SEALER, greeting, FileMail(tmp_path / "mail"), "en")
    (tmp_path / "mail").write_text("in the way")
    await enqueue(mail, database, "ana@example.com")
    await mail.deliver()
    assert await states(stopped) == {"ana@example.com": "pending"}
    (tmp_path / "mail").unlink()
    await stopped.admin.execute("UPDATE outgoing_mail SET next_attempt_at = now()")
    await mail.deliver()
    assert await states(stopped) == {"ana@example.com": "sent"}
