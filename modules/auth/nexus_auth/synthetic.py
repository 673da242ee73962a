"""The account of synthetic probes. It gets no mail, and what it does is counted nowhere."""

from typing import Any
from uuid import UUID

from nexus_kit import SYNTHETIC_COMPANY

from nexus_auth.chassis import hasher, module

USER = UUID("00000000-0000-7000-8000-000000000003")
EMAIL = "probe@synthetic.invalid"
PERMISSIONS = ["sales.order.read", "sales.order.write"]


@module.bootstrap
async def probe_account(_: dict[str, Any]) -> None:
    """Let the account sign in with the password in PROBE_PASSWORD_FILE, and with no other."""
    password = module.secret("probe_password")
    if password is None:
        return
    async with module.db.read(SYNTHETIC_COMPANY) as tx:
        stored = await tx.fetchval("SELECT password_hash FROM credentials WHERE user_id = $1", USER)
    async with hasher:
        if stored and await hasher.verify(stored, password):
            return
        hashed = await hasher.hash(password)
    async with module.db.transaction(SYNTHETIC_COMPANY) as tx:
        await tx.execute(
            "INSERT INTO credentials (user_id, company_id, email, name, permissions, password_hash,"
            " password_changed_at) VALUES ($1, $2, $3, 'Synthetic probe', $4, $5, now())"
            " ON CONFLICT (user_id) DO UPDATE SET password_hash = EXCLUDED.password_hash,"
            " permissions = EXCLUDED.permissions, password_changed_at = now(), updated_at = now()",
            USER,
            SYNTHETIC_COMPANY,
            EMAIL,
            PERMISSIONS,
            hashed,
        )
